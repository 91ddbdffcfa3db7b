"""The rows of the `attributes` table for many ZCL frames at once.

Strategy: what depends on the attribute and not on its value (names, meaning, kind of value) is looked up once
for each distinct attribute (`Spec`); values are written as `dissectors.zcl.columns.values` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dissectors.model.cursor import Cursor
from dissectors.vectors import Columns, Index, Mask, OctetArray, distinct, first_places
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Attribute, DataType
from dissectors.zcl.columns.headers import Records
from dissectors.zcl.columns.values import (
    INVALID,
    NOTHING,
    RenderedValue,
    RenderedValues,
    ValueColumns,
    integer_texts,
    integers,
    places,
    signed,
)
from dissectors.zcl.datatypes import read_value
from dissectors.zcl.general import GENERAL
from dissectors.zcl.header import DIRECTIONS
from dissectors.zcl.reading import number_of, text_of
from dissectors.zcl.scaling import scale_attributes

__all__ = ["Spec", "ZclFrames", "attribute_rows", "specs_of", "values_of"]

PLAIN = frozenset({"uint", "int", "data", "bitmap", "enum", "attribute"})
"""Kinds of values that are numbers and nothing more, unless the attribute gives them a meaning."""


@dataclass(slots=True, eq=False, repr=False)
class ZclFrames:
    """What the layers below know of ZCL frames, one entry a frame; addresses as the tables show them."""

    rows: Index
    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    endpoint: npt.NDArray[np.uint8]  # of the server side
    served: Mask  # whether there is such an endpoint: a group has none
    cluster: npt.NDArray[np.uint16]
    manufacturer: npt.NDArray[np.int32]  # -1: standard
    to_client: Mask
    command: npt.NDArray[np.uint8]
    contexts: npt.NDArray[np.uint64] = field(init=False)
    context: Index = field(init=False)

    def __post_init__(self) -> None:
        """`contexts` are the distinct clusters with manufacturer and direction, each in one number (see
        `dissectors.zigbee.columns.zcl_frames.unpack`), `context` which of them each frame has."""
        manufacturer = (self.manufacturer + 1).astype(np.uint64)
        upper = (self.cluster.astype(np.uint64) << np.uint64(18)) | (manufacturer << np.uint64(1))
        self.contexts, self.context = distinct(upper + self.to_client.astype(np.uint64))


@dataclass(frozen=True, slots=True)
class Spec:
    """One attribute as it occurs: its name, and how its values are read.

    `checked`: the type's invalid value means "not available" (it does in attributes, not in commands).
    """

    cluster: int
    manufacturer: int | None
    attribute: int
    known: Attribute | None
    kind: DataType | None
    checked: bool = True

    def __hash__(self) -> int:
        """Of the numbers alone: what the tables say of them follows."""
        return hash((self.cluster, self.manufacturer, self.attribute, self.checked))

    @property
    def meaning(self) -> str:
        """The enumeration or bitmap that names its values; may be empty."""
        return self.known.meaning if self.known is not None else ""

    @property
    def sets_scale(self) -> bool:
        """Whether other values are scaled by it."""
        known = self.known
        if known is None or known.manufacturer is not None or known.side != "server" or self.kind is None:
            return False
        return (known.cluster, known.id) in scale_attributes()

    @property
    def plain(self) -> bool:
        """Whether its values are plain integers."""
        return self.kind is not None and self.kind.kind in PLAIN and not self.meaning


@lru_cache(maxsize=1 << 14)
def attribute_of(cluster: int, side: str, attribute: int, manufacturer: int | None) -> Attribute | None:
    """The attribute, on whichever side of the cluster it is known."""
    other = "client" if side == "server" else "server"
    found = catalogue.attribute(cluster, side, attribute, manufacturer)
    return found or catalogue.attribute(cluster, other, attribute, manufacturer)


def specs_of(frames: ZclFrames, records: Records) -> tuple[list[Spec], Index]:
    """The distinct attributes of the records, and which of them each record is of."""
    server = frames.to_client != _is_request()[frames.command]
    about = (frames.context << 1 | server) << 32
    key = about[records.index] | (records.identifier.astype(np.int64) << 16) | (records.type + 1)
    unique, spec = distinct(key)
    specs = []
    for one in unique.tolist():
        context = int(frames.contexts[one >> 33]) & ~1 | (one >> 32 & 1)
        specs.append(_spec(context, one >> 16 & 0xFFFF, (one & 0xFFFF) - 1))
    return specs, spec


@cache
def _is_request() -> Mask:
    """Which general commands ask for something, by their identifier."""
    return np.array([code in GENERAL and GENERAL[code].is_request for code in range(256)], np.bool_)


def _spec(context: int, attribute: int, type_: int) -> Spec:
    side = "server" if context & 1 else "client"
    manufacturer = (context >> 1 & 0x1FFFF) - 1
    code = None if manufacturer < 0 else manufacturer
    cluster = catalogue.cluster(context >> 18, code).id
    known = attribute_of(cluster, side, attribute, code)
    return Spec(cluster, code, attribute, known, catalogue.data_type(type_) if type_ >= 0 else None)


def attribute_rows(
    frames: ZclFrames, records: Records, specs: Sequence[Spec], spec: Index, values: ValueColumns
) -> Columns:
    """The table; its rows are the records, in their order."""
    out = Columns(len(records.index))
    mask = np.ones(out.count, np.bool_)
    frame = records.index
    out.fill("source", frames.source[frame], mask)
    out.fill("destination", frames.destination[frame], mask)
    out.fill("endpoint", frames.endpoint[frame], frames.served[frame])
    out.fill("cluster", frames.cluster[frame], mask)
    out.fill("attribute", records.identifier, mask)
    out.fill("command", frames.command[frame], mask)
    out.fill_words("direction", frames.to_client[frame].astype(np.int32), DIRECTIONS, mask)
    names = [catalogue.cluster(one.cluster, one.manufacturer).name for one in specs]
    out.fill_words("cluster_name", spec, names, mask)
    known = np.array([one.known is not None for one in specs], np.bool_)[spec]
    out.fill_words("attribute_name", spec, [one.known.name if one.known else "" for one in specs], known)
    out.fill("status", records.status.astype(np.uint8), records.status >= 0)
    out.fill("type", records.type.astype(np.uint8), records.type >= 0)
    out.values["value"], out.values["meaning"] = values.text, values.meaning
    out.fill("number", values.number, values.numeric)
    return out


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Source:
    """Records, the octets that their values lie in, and the attribute of each; what was said of values before."""

    octets: OctetArray
    records: Records
    specs: Sequence[Spec]
    spec: Index
    phrases: RenderedValues

    def phrase(self, record: int) -> int:
        """The code of what the value of one record says."""
        records = self.records
        begin, end = int(records.at[record]), int(records.value[record] + records.size[record])
        about = _about(self.specs[int(self.spec[record])])
        key = (*about, self.octets.data[begin:end].tobytes())
        return self.phrases.code(key, lambda: render_value(*key))

    def whole_numbers(self, some: Index) -> npt.NDArray[np.uint64]:
        """The values of some records as unsigned numbers."""
        return integers(self.octets, self.records.value[some], self.records.size[some])


def values_of(
    octets: OctetArray, records: Records, specs: Sequence[Spec], spec: Index, phrases: RenderedValues
) -> ValueColumns:
    """What the values of the records say."""
    import pyarrow as pa

    from dissectors.vectors import kernels

    source = _Source(octets, records, specs, spec, phrases)
    count = len(records.index)
    number = np.full(count, np.nan)
    said = np.full(count, NOTHING, np.int64)
    valued = records.type >= 0
    plain = valued & np.array([one.plain for one in specs], np.bool_)[spec]
    negative = plain & np.array([one.kind is not None and one.kind.kind == "int" for one in specs])[spec]
    rest = np.flatnonzero(valued & ~plain)
    if len(rest):
        said[rest] = _render_others(source, rest)
        number[rest] = phrases.numbers(said[rest])
    texts = [phrases.texts()]
    at = said.copy()
    for mask in (plain & ~negative, negative):
        chosen = np.flatnonzero(mask)
        if len(chosen):
            at[chosen] = sum(map(len, texts)) + np.arange(len(chosen))
            texts.append(_render_integers(source, chosen, number, said))
    text = kernels.take(pa.concat_arrays(texts), places(at))
    numeric = ~np.isnan(number)
    number[~numeric] = 0.0
    return ValueColumns(text, number, numeric, phrases.meanings(said))


def _render_integers(source: _Source, chosen: Index, number: npt.NDArray[np.float64], said: Index) -> Any:
    """Plain integers as texts; the type's "not available" is said in words and is no number."""
    specs, spec = source.specs, source.spec[chosen]
    raw = source.whole_numbers(chosen)
    kind = specs[int(spec[0])].kind
    size = source.records.size[chosen]
    values: npt.NDArray[Any] = signed(raw, size) if kind and kind.kind == "int" else raw
    none = np.array([_invalid(one.kind) for one in specs], np.uint64)[spec]
    never = [not one.checked or one.kind is None or one.kind.invalid is None for one in specs]
    invalid = (raw == none) & ~np.array(never)[spec]
    number[chosen] = np.where(invalid, np.nan, values.astype(np.float64))
    said[chosen[invalid]] = INVALID
    return integer_texts(values)


def _invalid(kind: DataType | None) -> int:
    return 0 if kind is None or kind.invalid is None else kind.invalid


def _render_others(source: _Source, chosen: Index) -> Index:
    """Values in words, asked once for each distinct value: the codes of what they say."""
    records, phrases = source.records, source.phrases
    phrases.forget()
    codes = np.zeros(len(chosen), np.int64)
    size = records.size[chosen]
    # Strings and keys are longer than a number: each record for itself.
    long = (records.at[chosen] != records.value[chosen]) | (size > 8)
    for place in np.flatnonzero(long).tolist():
        codes[place] = source.phrase(int(chosen[place]))
    kinds = np.array([phrases.kind(_about(one)) if one.kind else 0 for one in source.specs] or [0], np.int64)
    for say, which in ((_render_octets, ~long & (size == 1)), (_render_numbers, ~long & (size != 1))):
        some = np.flatnonzero(which)
        if len(some):
            codes[some] = say(source, chosen[some], kinds)
    return codes


def _render_octets(source: _Source, some: Index, kinds: Index) -> Index:
    """Values of one octet, through a table."""
    place = kinds[source.spec[some]] << 8 | source.octets.u8(source.records.value[some])
    table = source.phrases.octets
    codes: Index = table[place]
    new = np.flatnonzero(codes == NOTHING)
    if len(new):
        keys, which = distinct(place[new])
        for key, first in zip(keys.tolist(), new[first_places(which, len(keys))].tolist(), strict=True):
            table[key] = source.phrase(int(some[first]))
        codes = table[place]
    return codes


def _render_numbers(source: _Source, some: Index, kinds: Index) -> Index:
    """Values of no octet, or of two to eight."""
    raw, value = distinct(source.whole_numbers(some))
    pairs, which = distinct(source.spec[some] * len(raw) + value)
    first = some[first_places(which, len(pairs))]
    numbers, kind, codes = raw.tolist(), kinds.tolist(), source.phrases.codes
    found = []
    for pair, record in zip(pairs.tolist(), first.tolist(), strict=True):
        place, value_of = divmod(pair, len(numbers))
        key = kind[place] << 64 | numbers[value_of]
        code = codes.get(key, NOTHING)
        if code == NOTHING:
            code = codes[key] = source.phrase(record)
        found.append(code)
    return np.array(found, np.int64)[which]


def _about(spec: Spec) -> tuple[int, str, bool]:
    return (spec.kind.id if spec.kind else -1, spec.meaning, spec.checked)


@lru_cache(maxsize=1 << 14)
def render_value(type_: int, meaning: str, checked: bool, octets: bytes) -> RenderedValue:
    """What the one-frame path says of one value; its octets with their length prefix."""
    kind = catalogue.data_type(type_)
    assert kind is not None
    found = read_value(Cursor(octets, layer="zcl"), kind, "value", "", meaning, invalid=checked)
    return text_of(found, kind), number_of(found, kind), found.meaning or None
