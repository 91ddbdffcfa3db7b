"""Smallest and fullest values of every command, made from the tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Command, FieldSpec
from dissectors.zcl.expression import compiled

# Values that must fit others in the same command; everything else is free.
LISTS = 2
# Certificates and ephemeral keys of key establishment suites 1 and 2.
KEY_OCTETS = {"identity": (48, 74), "ephemeral_data": (22, 37)}


def layouts(command: Command) -> Iterator[tuple[str, tuple[FieldSpec, ...]]]:
    yield "", command.fields
    yield from command.others


def smallest(specs: Sequence[FieldSpec]) -> dict[str, Any]:
    """Every number 0, every string empty, no optional field, no repeated one."""
    return _values(specs, {}, full=False, seed=0)


def fullest(specs: Sequence[FieldSpec], seed: int = 1) -> dict[str, Any]:
    """Distinct numbers, strings filled, optional fields there, every repeated field twice."""
    return _values(specs, {}, full=True, seed=seed)


def _values(specs: Sequence[FieldSpec], outer: dict[str, Any], *, full: bool, seed: int) -> dict[str, Any]:
    values = dict(outer)
    counts = [spec.repeat[6:] for spec in specs if spec.repeat.startswith("count:")]
    counted = {text.split()[0] for text in counts}
    sized = {spec.type[7:] for spec in specs if spec.type.startswith("octets:")}
    for place, spec in enumerate(specs):
        if spec.condition and not compiled(spec.condition)(values):
            continue
        if not full and spec.may_be_missing(values):
            break
        if spec.name in counted | sized:
            values[spec.name] = LISTS if full else 0
        elif spec.repeat:
            count = LISTS if full else 0
            if spec.repeat.startswith("count:"):
                count = compiled(spec.repeat[6:])(values)
            values[spec.name] = [one(spec, values, full=full, seed=seed + place + n) for n in range(count)]
        else:
            values[spec.name] = one(spec, values, full=full, seed=seed + place)
    own = {spec.name for spec in specs}
    return {name: value for name, value in values.items() if name in own and value != []}


def one(spec: FieldSpec, values: dict[str, Any], *, full: bool, seed: int) -> Any:
    kind, _, detail = spec.type.partition(":")
    if spec.name in KEY_OCTETS:
        return bytes(n % 256 for n in range(KEY_OCTETS[spec.name][full]))
    if kind == "octets":
        length = (5 if full else 0) if detail == "rest" else compiled(detail)(values)
        return bytes((seed + n) % 256 for n in range(length))
    if kind == "struct" and detail:
        return _values(catalogue.struct(detail), values, full=full, seed=seed)
    if kind == "typed":
        return (0x20, seed % 200)
    data_type = catalogue.data_type_named(kind)
    match data_type.kind:
        case "text":
            return "GB meter" if full else ""
        case "octets":
            return b"\x01label" if full else b""
        case "bool":
            return full
        case "key":
            return bytes(range(16)) if full else bytes(16)
        case "enum":
            return _enum(spec, seed) if full else 0
        case "bitmap":
            return _bitmap(spec, data_type.length, seed) if full else 0
    return seed * 37 % (1 << 8 * data_type.length - 1) if full else 0


def _enum(spec: FieldSpec, seed: int) -> int:
    found = catalogue.meaning(spec.meaning)
    if spec.name == "status" or found is None or found.kind != "enum" or not found.labels:
        return 0
    return sorted(found.labels)[-1 if seed % 2 else 0]


def _bitmap(spec: FieldSpec, length: int, seed: int) -> int:
    if spec.name == "options":  # Green Power: everything there, the device by its EUI-64
        return (1 << 8 * length) - 6 & ~0x10
    return (0xA5A5A5A5A5A5A5A5 >> seed % 3) & ((1 << 8 * length) - 1)
