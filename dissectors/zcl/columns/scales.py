"""Attribute values of many records in their units, by the rules of `dissectors.zcl.scaling`.

Strategy: what a device said of its scaling is looked up as it was when each frame passed: the last value of
the same endpoint before it (the frame's own included), else of the device, else of the mirror that is sent
to, else what was known before the block. The rules' arithmetic runs over all records of one rule at once;
units are named once a combination.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dissectors.model.context import HanContext
from dissectors.vectors import Index, Mask, Timeline, distinct, first_places
from dissectors.zcl import scaling
from dissectors.zcl.columns.attributes import Spec
from dissectors.zcl.scaling import Rule, ScaleKey, Scales

__all__ = ["Owners", "ScaleObservations", "Scaled", "scaled"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False, repr=False)
class Owners:
    """Who owns the server side of ZCL frames, one entry a frame: places in `devices` and in `endpoints`.

    `peer` is the place of the one end that a server sends to, -1 where there is none.
    """

    device: Index
    place: Index
    peer: Index
    devices: Sequence[Hashable]
    endpoints: Sequence[tuple[Hashable, int | None]]


class ScaleObservations:
    """What frames of a block said of their device's scaling, in the order of the frames.

    Attributes:
        attributes: the (cluster, attribute) pairs that it is about.
    """

    __slots__ = ("_by_device", "_by_endpoint", "attributes", "owners", "rows")

    def __init__(
        self,
        owners: Owners,
        rows: Index,
        attributes: Sequence[ScaleKey] = (),
        frame: Index | None = None,
        attribute: Index | None = None,
        value: I64 | None = None,
    ) -> None:
        """`rows` are those of the frames; the others have one entry a value: place of its frame and attribute."""
        frame = _NONE if frame is None else frame
        attribute = _NONE if attribute is None else attribute
        value = _NONE if value is None else value
        self.owners, self.rows, self.attributes = owners, rows, attributes
        key = attribute * len(owners.endpoints) + owners.place[frame]
        self._by_endpoint = Timeline(key, rows[frame], value)
        self._by_device = Timeline(attribute * len(owners.devices) + owners.device[frame], rows[frame], value)

    def put_before(
        self, attribute: ScaleKey, by: str, asking: Index, frames: Index, value: I64, known: Mask
    ) -> None:
        """Put over `value` what endpoints or devices (`by`: ``place`` or ``device``) had said of `attribute` when
        `frames` passed, these themselves included."""
        if attribute not in self.attributes:
            return
        many, timeline = len(self.owners.endpoints), self._by_endpoint
        if by == "device":
            many, timeline = len(self.owners.devices), self._by_device
        key = np.where(asking < 0, -1, self.attributes.index(attribute) * many + asking)
        timeline.put_before(key, self.rows[frames] + 1, value, known)

    def publish_before(self, context: HanContext, row: int) -> None:
        """Write the values of rows before `row` to the memory of the one-frame path."""
        timeline, places = self._by_endpoint, self._by_endpoint.advance(row)
        if not places:
            return
        scales, part = context.state(Scales), slice(places.start, places.stop)
        last = dict(zip(timeline.key[part].tolist(), places, strict=True))
        for key, place in sorted(last.items(), key=lambda entry: entry[1]):
            attribute, owner = divmod(key, len(self.owners.endpoints))
            device, endpoint = self.owners.endpoints[owner]
            scales.learn(device, endpoint, self.attributes[attribute], int(timeline.value[place]))

    def mark_read_singly(self, row: int) -> None:
        """The one-frame path wrote to its memory what `row` says."""
        self._by_endpoint.advance(row + 1)


@dataclass(slots=True, eq=False, repr=False)
class Scaled:
    """Values in their units: the code in `units` for each record, -1 where it is not known."""

    value: F64
    unit: npt.NDArray[np.int32]
    units: dict[str, int]


class _Memory:
    """Answers what a reference of a rule was worth to each of some records' frames."""

    def __init__(self, observed: ScaleObservations, scales: Scales, frames: Index) -> None:
        self.observed, self.scales, self.frames = observed, scales, frames
        self.found: dict[str, tuple[I64, Mask]] = {}

    def of(self, reference: str) -> tuple[I64, Mask]:
        """The values for all records, and whether there is one; ``|`` tries the next."""
        if reference not in self.found:
            value, known = np.zeros(len(self.frames), np.int64), np.zeros(len(self.frames), np.bool_)
            for one in reference.split("|"):
                cluster, colon, attribute = one.partition(":")
                if colon:
                    other, has = self._attribute((int(cluster, 16), int(attribute, 16)))
                    value = np.where(known, value, other)
                    known = known | has
            self.found[reference] = value, known
        return self.found[reference]

    def _attribute(self, key: tuple[int, int]) -> tuple[I64, Mask]:
        owners = self.observed.owners
        held = [self.scales.known.get(e, {}).get(key) for e in owners.endpoints]
        spoken = [self.scales.devices.get(d, {}).get(key) for d in owners.devices]
        out, known = np.zeros(len(self.frames), np.int64), np.zeros(len(self.frames), np.bool_)
        left, frames = np.arange(len(self.frames)), self.frames
        tiers = (("place", "place", held), ("device", "device", spoken), ("place", "peer", held))
        for by, asking, base in tiers:
            mine = getattr(owners, asking)[frames]
            now = np.array([b if b is not None else 0 for b in base] or [0], np.int64)[mine]
            has = np.array([b is not None for b in base] or [False], np.bool_)[mine] & (mine >= 0)
            self.observed.put_before(key, by, mine, frames, now, has)
            out[left], known[left] = now, has
            if known.all():
                break  # what other endpoints of the device said does not matter
            left = np.flatnonzero(~known)
            frames = self.frames[left]
        out[~known] = 0
        return out, known


_NONE = np.zeros(0, np.int64)


def scaled(
    number: F64,
    numeric: Mask,
    frame: Index,
    specs: Sequence[Spec],
    spec: Index,
    observed: ScaleObservations,
    context: HanContext,
) -> Scaled:
    """The values of all records in their units."""
    out = Scaled(np.zeros(len(number)), np.full(len(number), -1, np.int32), {})
    by_rules: dict[tuple[Rule, ...], int] = {}
    ruled = np.full(max(len(specs), 1), -1, np.int16)  # which set of rules each attribute has
    for i, one in enumerate(specs):
        if rules := _rules(one):
            ruled[i] = by_rules.setdefault(tuple(rules), len(by_rules))
    which = np.where(numeric, ruled.take(spec), -1)
    scales = context.state(Scales)
    for some, place in by_rules.items():
        chosen = np.flatnonzero(which == place)
        if not len(chosen):
            continue
        memory = _Memory(observed, scales, frame[chosen])
        values, left = number[chosen], np.ones(len(chosen), np.bool_)
        for rule in some:
            applies = left & _holds(rule.when, memory) if rule.when else left
            _apply(rule, values, np.flatnonzero(applies), chosen, memory, out)
            if not rule.when:
                break  # it applies to all that is left
            left = left & ~applies
    return out


def _rules(spec: Spec) -> list[Rule]:
    known = spec.known
    if known is None or known.manufacturer is not None or known.side != "server" or spec.kind is None:
        return []
    return scaling.rules_of(known.cluster, known.id)


def _holds(when: str, memory: _Memory) -> Mask:
    kind, mask, reference = when.split(":", 2)
    value, known = memory.of(reference)
    holds: Mask = known & (((value & int(mask, 0)) != 0) == (kind == "set"))
    return holds


def _apply(rule: Rule, number: F64, some: Index, chosen: Index, memory: _Memory, out: Scaled) -> None:
    """One rule over the records in `some`; see `dissectors.zcl.scaling` for the order of the arithmetic."""
    if not len(some):
        return
    multiplier = divisor = None
    if rule.multiplier:
        multiplier, has_multiplier = memory.of(rule.multiplier)
        divisor, has_divisor = memory.of(rule.divisor)
        some = some[(has_multiplier & has_divisor & (divisor != 0))[some]]
    digits = None
    if rule.digits:
        kind, _, reference = rule.digits.partition(":")
        code, known = memory.of(reference)
        digits = {"low3": code & 7, "high4": code >> 4, "scale": 6 - code}[kind]
        some = some[known[some]]
    unit, bcd, named = _units(rule, some, memory, out)
    if not named.all():
        some, unit, bcd = some[named], unit[named], bcd[named]
    value: F64 = number[some]
    if bcd.any():
        value, decimal = _decimals(value, bcd)
        some, unit, value = some[decimal], unit[decimal], value[decimal]
    over, under = _factors(rule, None if digits is None else digits[some])
    if multiplier is not None and divisor is not None:
        value = value * multiplier[some] * over / (divisor[some] * under)
    else:
        value = value * over / under
    out.value[chosen[some]] = value
    out.unit[chosen[some]] = unit


def _factors(rule: Rule, digits: I64 | None) -> tuple[F64 | float, F64 | float]:
    """What values are multiplied with and divided by: the rule's factor, and a power of ten for the digits."""
    above, below = rule.factor
    if digits is None:
        return float(above), float(below)
    power = np.array([10.0**n for n in range(300)])
    scale = power[np.minimum(np.abs(digits), len(power) - 1)]
    return np.where(digits >= 0, float(above), above * scale), np.where(
        digits >= 0, below * scale, float(below)
    )


def _units(rule: Rule, some: Index, memory: _Memory, out: Scaled) -> tuple[npt.NDArray[np.int32], Mask, Mask]:
    """Code of each record's unit, whether its values are binary coded decimals, and whether it is known."""
    references = [part.partition(":")[2] for part in rule.unit.split("/")] if ":" in rule.unit else []
    values = [(reference, *memory.of(reference)) for reference in references if reference]
    which = np.zeros(len(some), np.int64)
    for _, value, known in values:
        place = distinct(np.where(known[some], value[some] + 1, 0))[1]
        which = place if len(values) == 1 else which * (len(some) + 1) + place
    if len(values) > 1:
        which = distinct(which)[1]
    first = some[first_places(which, int(which.max(initial=-1)) + 1)]
    codes, decimals = [], []
    said = [
        [
            (reference, one if has else None)
            for one, has in zip(value[first].tolist(), known[first].tolist(), strict=True)
        ]
        for reference, value, known in values
    ]
    for found in zip(*said, strict=True) if said else [()] * len(first):
        name, bcd = _unit(rule.unit, found)
        codes.append(-1 if name is None else _code(out.units, name))
        decimals.append(bcd)
    unit = np.array(codes, np.int32)[which]
    return unit, np.array(decimals, np.bool_)[which], unit >= 0


@lru_cache(maxsize=1 << 14)
def _unit(text: str, found: tuple[tuple[str, int | None], ...]) -> tuple[str | None, bool]:
    return scaling.unit_of(text, dict(found).get)


def _code(units: dict[str, int], name: str) -> int:
    return units.setdefault(name, len(units))


def _decimals(value: F64, bcd: Mask) -> tuple[F64, Mask]:
    """Binary coded decimals as the numbers that they mean; those with a digit above 9 mean none."""
    out, good = value.copy(), np.ones(len(value), np.bool_)
    places = np.flatnonzero(bcd)
    for i, one in zip(places.tolist(), value[places].tolist(), strict=True):
        text = f"{int(one):x}"
        good[i] = text.isdecimal()
        out[i] = float(text) if text.isdecimal() else 0.0
    return out, good
