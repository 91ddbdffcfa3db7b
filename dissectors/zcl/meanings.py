"""What a value says in words: enumeration names, bitmap bits, times, cluster names."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, NamedTuple

from dissectors.layout.tables import table
from dissectors.model.field import Field
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import DataType, Meaning

__all__ = ["bit_fields", "describe", "label_of", "snake", "special", "utc_text"]

EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 (datetime.UTC reads worse beside timezone)
DAYS = ("?", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class _Part(NamedTuple):
    name: str
    label: str
    mask: int
    low: int
    width: int
    part: Meaning | None


def utc_text(seconds: int) -> str:
    """Seconds since 2000-01-01 UTC (ZCL 2.6.2.14) in ISO 8601.

    >>> utc_text(0x2A000000)
    '2022-04-30T14:11:12Z'
    """
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def snake(name: str) -> str:
    """A label as a field name: ``PriceAcknowledgementRequired`` -> ``price_acknowledgement_required``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^0-9A-Za-z]+", "_", name)
    return re.sub(r"_+", "_", spaced).strip("_").lower() or "value"


def describe(kind: DataType, value: Any, meaning: str = "", *, invalid: bool = True) -> str | None:
    """`value` of type `kind` in words; empty when the number says it all.

    Args:
        meaning: name of the enumeration or bitmap that the table gives.
        invalid: whether the type's invalid value means "not available" here (it does in attributes).
    """
    if meaning == "UtcSeconds" and isinstance(value, int):
        return utc_text(value) if value != 0xFFFFFFFF else "invalid"
    if meaning:
        return label_of(meaning, value, kind.length)
    named = _BY_KIND.get(kind.kind)
    if named is not None and isinstance(value, int):
        return named(value)
    if value is None:
        return "invalid" if kind.kind != "none" else ""
    if isinstance(value, float):
        return "invalid" if value != value else ""
    if not invalid or not isinstance(value, int) or kind.invalid is None:
        return ""
    return "invalid" if value & ((1 << 8 * kind.length) - 1) == kind.invalid else ""


def label_of(name: str, value: Any, length: int = 1) -> str:
    """The label of `value` in the enumeration or bitmap `name`; ``unknown 0x..`` when it has none."""
    found = catalogue.meaning(name)
    if found is None or not isinstance(value, int) or isinstance(value, bool):
        return ""
    if value < 0:  # of a signed type where the standard has none: as its octets stand
        value &= (1 << 8 * length) - 1
    if found.kind == "bitmap":
        return ", ".join(_bit_texts(found, value)) or ("none" if value == 0 else f"unknown 0x{value:X}")
    label = found.labels.get(value & found.mask)
    if label is not None:
        return label
    return "invalid" if value == (1 << 8 * length) - 1 else f"unknown 0x{value:0{2 * length}X}"


def bit_fields(name: str, value: int, offset: int, length: int, buffer: str) -> list[Field]:
    """The bits of a bitmap as fields, lowest first; bits that have no name only when they are set."""
    fields = []
    unnamed = value
    for one in _plan(name):
        if one.low >= 8 * length:
            continue
        bits = value & one.mask
        unnamed &= ~one.mask
        text = _part_text(one, bits) if one.part else ""
        number: int | bool = bool(bits) if one.width == 1 else bits >> one.low
        fields.append(Field(one.name, number, text, offset, length, buffer, bits=(one.low, one.width)))
    if unnamed and fields:
        low = (unnamed & -unnamed).bit_length() - 1
        width = unnamed.bit_length() - low
        fields.append(Field("reserved", unnamed >> low, None, offset, length, buffer, bits=(low, width)))
    return fields


def special(cluster: int, name: str, value: Any) -> str | None:
    """What `value` of the command field `name` says when it is no number (``tables/special_values.csv``)."""
    values = _specials().get(name)
    if values is None or not isinstance(value, int):
        return None
    return values.get((cluster, value)) or values.get((-1, value))


@cache
def _specials() -> dict[str, dict[tuple[int, int], str]]:
    found: dict[str, dict[tuple[int, int], str]] = {}
    for row in table("zcl", "special_values"):
        cluster = -1 if row["cluster"] == "*" else int(row["cluster"], 0)
        found.setdefault(row["field"], {})[cluster, int(row["value"], 0)] = row["meaning"]
    return found


@cache
def _plan(name: str) -> tuple[_Part, ...]:
    """The parts of a bitmap that do not overlap, lowest first."""
    found = catalogue.meaning(name)
    if found is None or found.kind != "bitmap":
        return ()
    parts, used = [], 0
    for mask, label in found.labels.items():
        low = (mask & -mask).bit_length() - 1
        width = mask.bit_length() - low
        if mask == 0 or mask & used or mask != ((1 << width) - 1) << low:
            continue
        used |= mask
        part = catalogue.meaning(found.parts.get(mask, ""))
        parts.append(_Part(snake(label), label, mask, low, width, part))
    return tuple(sorted(parts, key=lambda part: part.low))


def _part_text(one: _Part, bits: int) -> str:
    """The label of a part's value; some enumerations count the bits in place, others shifted down."""
    assert one.part is not None
    labels = one.part.labels
    shifted = bits >> one.low
    in_place = one.low > 0 and any(key > one.mask >> one.low for key in labels)
    number = bits if in_place else shifted
    return labels.get(number, f"unknown {shifted}")


def _bit_texts(found: Meaning, value: int) -> list[str]:
    texts = []
    for one in _plan(found.name):
        bits = value & one.mask
        if one.part:
            texts.append(f"{one.label} {_part_text(one, bits)}")
        elif one.width > 1:
            texts.append(f"{one.label} {bits >> one.low}")
        elif bits:
            texts.append(one.label)
    return texts


def _utc(value: int) -> str:
    return "invalid" if value == 0xFFFFFFFF else utc_text(value)


def _time_of_day(value: int) -> str:
    if value == 0xFFFFFFFF:
        return "invalid"
    parts = ["*" if part == 0xFF else f"{part:02d}" for part in value.to_bytes(4, "little")]
    return f"{parts[0]}:{parts[1]}:{parts[2]}.{parts[3]}"


def _date(value: int) -> str:
    if value == 0xFFFFFFFF:
        return "invalid"
    year, month, day, weekday = value.to_bytes(4, "little")
    text = "*" if year == 0xFF else f"{1900 + year:04d}"
    text += "-*" if month == 0xFF else f"-{month:02d}"
    text += "-*" if day == 0xFF else f"-{day:02d}"
    return f"{text} {DAYS[weekday]}" if 1 <= weekday <= 7 else text


_BY_KIND = {
    "utc": _utc,
    "time_of_day": _time_of_day,
    "date": _date,
    "cluster": lambda value: "invalid" if value == 0xFFFF else catalogue.cluster(value).name,
    "eui64": lambda value: "invalid" if value == 0xFFFFFFFFFFFFFFFF else f"{value:016x}",
}
