"""Values in their units: what a device said of its multiplier, divisor, unit and currency is remembered.

Strategy: ``tables/scaling.csv`` says for each attribute and field what it is scaled by; whatever it refers
to is remembered per device (and endpoint: a hub mirrors several meters). What has not been said leaves
the value unscaled, never guessed. `Scales.revision` grows with each thing learnt, so that a caller that
decodes in rounds knows when earlier values can be scaled after all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

from dissectors.layout.tables import table
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Attribute, Command
from dissectors.zcl.reading import Reading

__all__ = [
    "Rule",
    "Scales",
    "concerns",
    "learn",
    "learn_command",
    "of_attribute",
    "of_field",
    "rules_of",
    "scale_attributes",
    "unit_of",
]

ScaleKey = tuple[int, int]
Lookup = Callable[[str], int | None]


@dataclass(slots=True, eq=False, repr=False)
class Scales:
    """What each device said of its scaling: {(device, endpoint): {(cluster, attribute): value}}."""

    known: dict[tuple[Any, int | None], dict[ScaleKey, int]] = field(default_factory=dict)
    devices: dict[Any, dict[ScaleKey, int]] = field(default_factory=dict)
    revision: int = 0

    def learn(self, device: Any, endpoint: int | None, key: ScaleKey, value: int) -> None:
        """Remember that attribute `key` of `device` at `endpoint` is `value`."""
        held = self.known.setdefault((device, endpoint), {})
        if held.get(key) != value:
            held[key] = value
            self.revision += 1
        self.devices.setdefault(device, {})[key] = value

    def get(self, device: Any, endpoint: int | None, key: ScaleKey, peer: Any = None) -> int | None:
        """The value of attribute `key`: of this endpoint, else the last one of any endpoint of `device`.

        Else of `peer`, the (device, endpoint) that is sent to: a meter that reports to its mirror leaves it
        to the mirror to say what the values are scaled by (ZSE D.3.4).
        """
        held = self.known.get((device, endpoint))
        if held is not None and key in held:
            return held[key]
        held = self.devices.get(device)
        if held is not None and key in held:
            return held[key]
        return self.known.get(peer, {}).get(key) if peer is not None else None


class Rule(NamedTuple):
    """One row of the table: value * factor * multiplier / divisor / 10^digits, in `unit`."""

    factor: tuple[int, int]
    multiplier: str
    divisor: str
    digits: str
    unit: str
    when: str


def learn(reading: Reading, known: Attribute, value: Any) -> None:
    """Remember an attribute's `value` if others are scaled by it."""
    key = (known.cluster, known.id)
    if (
        known.manufacturer is None
        and key in scale_attributes()
        and isinstance(value, int)
        and known.side == "server"
    ):
        reading.context.state(Scales).learn(reading.device, reading.endpoint, key, value)


def learn_command(reading: Reading, command: Command, values: dict[str, Any]) -> None:
    """Remember from a command what later values are scaled by (``tables/scale_commands.csv``)."""
    for name, key in _scale_commands().get((command.cluster, command.direction, command.id), ()):
        if isinstance(values.get(name), int):
            scales = reading.context.state(Scales)
            scales.learn(reading.device, reading.endpoint, key, values[name])


def of_attribute(
    reading: Reading, known: Attribute | None, number: float | None
) -> tuple[float | None, str | None]:
    """The value of an attribute in its unit; (None, None) as long as that is not known."""
    if known is None or number is None or known.manufacturer is not None or known.side != "server":
        return None, None
    rules = rules_of(known.cluster, known.id)
    return _scaled(rules, number, _lookup(reading, {})) if rules else (None, None)


def of_field(
    reading: Reading, name: str, number: float | None, values: dict[str, Any]
) -> tuple[float | None, str | None]:
    """The value of a command's field in its unit; `values` are those of the whole command."""
    if number is None:
        return None, None
    cluster, command = reading.cluster.id, reading.header.command
    fields = _field_rules()
    name = name.partition("[")[0]
    rules = fields.get((cluster, command, name)) or fields.get((cluster, -1, name))
    return _scaled(rules, number, _lookup(reading, values)) if rules else (None, None)


def _lookup(reading: Reading, values: dict[str, Any]) -> Lookup:
    scales = reading.context.state(Scales)
    device, endpoint, peer = reading.device, reading.endpoint, reading.peer

    def find(reference: str) -> int | None:
        for one in reference.split("|"):
            if ":" in one:
                cluster, _, attribute = one.partition(":")
                value = scales.get(device, endpoint, (int(cluster, 16), int(attribute, 16)), peer)
            else:
                value = values.get(one)
            if isinstance(value, int):
                return value
        return None

    return find


def _scaled(rules: list[Rule], number: float, find: Lookup) -> tuple[float | None, str | None]:
    for rule in rules:
        if not rule.when or _holds(rule.when, find):
            return _apply(rule, number, find)
    return None, None


def _holds(when: str, find: Lookup) -> bool:
    kind, mask, reference = when.split(":", 2)
    value = find(reference)
    return value is not None and bool(value & int(mask, 0)) == (kind == "set")


def _apply(rule: Rule, number: float, find: Lookup) -> tuple[float | None, str | None]:
    multiplier, divisor = 1, 1
    if rule.multiplier:
        found, by = find(rule.multiplier), find(rule.divisor)
        if found is None or not by:
            return None, None
        multiplier, divisor = found, by
    digits = _digits(rule.digits, find)
    unit, bcd = unit_of(rule.unit, find)
    if digits is None or unit is None:
        return None, None
    if bcd:
        text = f"{int(number):x}"
        if not text.isdecimal():
            return None, None
        number = float(text)
    # One division at the end, so that 12345 * 1 / 1000 is 12.345 and not the float beside it.
    above, below = rule.factor
    scale = 10 ** abs(digits)
    above, below = (above, below * scale) if digits >= 0 else (above * scale, below)
    return number * multiplier * above / (divisor * below), unit


def _digits(text: str, find: Lookup) -> int | None:
    if not text:
        return 0
    kind, _, reference = text.partition(":")
    value = find(reference)
    if value is None:
        return None
    return {"low3": value & 7, "high4": value >> 4, "scale": 6 - value}[kind]


def unit_of(text: str, find: Lookup) -> tuple[str | None, bool]:
    """The unit, None when a part of it is not known; and whether values are binary coded decimals."""
    if ":" not in text:
        return text, False
    parts, bcd = [], False
    for part in text.split("/"):
        kind, _, reference = part.partition(":")
        if not reference:
            parts.append(part)
            continue
        value = find(reference)
        name = _unit_name(kind, value) if value is not None else None
        if name is None:
            return None, False
        bcd |= kind in ("uom", "rate", "temp") and bool(value and value & 0x80)
        parts.append(name)
    return "/".join(parts), bcd


def _unit_name(kind: str, value: int) -> str | None:
    if kind == "money":
        labels = catalogue.meaning("Currency")
        return labels.labels.get(value, f"currency {value}") if labels else None
    family = {"uom": "measure", "rate": "measure", "temp": "temperature"}.get(kind, kind)
    found = _units().get((family, value & 0x7F))
    return found[kind == "rate"] if found else None


@cache
def _units() -> dict[tuple[str, int], tuple[str, str]]:
    return {(r["kind"], int(r["code"], 0)): (r["quantity"], r["rate"]) for r in table("zcl", "units")}


@lru_cache(maxsize=1 << 14)
def rules_of(cluster: int, attribute: int) -> list[Rule]:
    """The rules for a server attribute, in the order in which they are tried."""
    rows = _attribute_rules()
    return [rule for one, first, last, rule in rows if one == cluster and first <= attribute <= last]


def _rule(row: dict[str, str]) -> Rule:
    factor = Fraction(row["factor"] or "1")
    rest = (row[name] for name in Rule._fields[1:])
    return Rule((factor.numerator, factor.denominator), *rest)


@cache
def _attribute_rules() -> list[tuple[int, int, int, Rule]]:
    found = []
    for row in table("zcl", "scaling"):
        if "/" not in row["where"]:
            first, _, last = row["where"].partition("-")
            found.append((int(row["cluster"], 0), int(first, 0), int(last or first, 0), _rule(row)))
    return found


@cache
def _field_rules() -> dict[tuple[int, int, str], list[Rule]]:
    found: dict[tuple[int, int, str], list[Rule]] = {}
    for row in table("zcl", "scaling"):
        command, _, name = row["where"].partition("/")
        if name:
            key = (int(row["cluster"], 0), -1 if command == "*" else int(command, 0), name)
            found.setdefault(key, []).append(_rule(row))
    return found


@cache
def scale_attributes() -> frozenset[ScaleKey]:
    """Attributes that others are scaled by: (cluster, attribute)."""
    keys = {key for fields in _scale_commands().values() for _, key in fields}
    for row in table("zcl", "scaling"):
        for column in ("multiplier", "divisor", "digits", "unit", "when"):
            for part in row[column].replace("/", "|").split("|"):
                words = part.split(":")
                if len(words) >= 2 and len(words[-1]) == 4 and len(words[-2]) == 4:
                    keys.add((int(words[-2], 16), int(words[-1], 16)))
    return frozenset(keys)


def concerns(command: Command) -> bool:
    """Whether a command sets scaling, or has fields that are scaled."""
    rules = _field_rules()
    if (command.cluster, command.direction, command.id) in _scale_commands():
        return True
    keys = [(command.cluster, code, one.name) for one in command.fields for code in (command.id, -1)]
    return any(key in rules for key in keys)


@cache
def _scale_commands() -> dict[tuple[int, str, int], list[tuple[str, ScaleKey]]]:
    found: dict[tuple[int, str, int], list[tuple[str, ScaleKey]]] = {}
    for row in table("zcl", "scale_commands"):
        cluster, _, attribute = row["attribute"].partition(":")
        entry = (row["field"], (int(cluster, 16), int(attribute, 16)))
        key = (int(row["cluster"], 0), row["direction"], int(row["command"], 0))
        found.setdefault(key, []).append(entry)
    return found
