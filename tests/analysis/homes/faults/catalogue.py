"""Every fault that a home of `tests.analysis.homes` may have, by name: what it is, and which rules must tell it of whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.kinds import Kind
from tests.analysis.homes.life import Home

__all__ = ["FAULTS", "Fault", "altered", "fault", "much"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        family: presence, values, price, keys, routes ... `rules`: one of them must tell it, at `least` that severity.
        kind: the home that it happens in; `strengths`: how loud it is played.
        note: why it is played as it is, or cannot be told, for the page.
        behaviour: what happens; it leaves in ``home.more["faulty"]`` those whom a finding may name.
    """

    name: str
    family: str
    rules: tuple[str, ...]
    kind: Kind
    behaviour: Callable[[Home, float], Process] = field(repr=False)
    strengths: tuple[float, ...] = (0.5, 1.0, 2.0)
    least: str = "warning"
    note: str = ""


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, family: str, *rules: str, strengths: tuple[float, ...] = (0.5, 1.0, 2.0), least: str = "warning",
    note: str = "", **kind: object,
) -> Callable[[Callable[[Home, float], Process]], Callable[[Home, float], Process]]:  # fmt: skip
    """Registers a fault; further arguments are those of `Kind`."""

    def register(behaviour: Callable[[Home, float], Process]) -> Callable[[Home, float], Process]:
        home = Kind(**{"hours": 3.0, "devices": ("PPMID", "HCALCS"), **kind})  # type: ignore[arg-type]
        FAULTS[name] = Fault(name, family, rules, home, behaviour, strengths, least, note)
        return behaviour

    return register


def much(number: float, strength: float) -> int:
    return max(1, round(number * strength))


def number_in(value: bytes | Callable[[], bytes]) -> int:
    """The number that a device holds for an attribute."""
    return int.from_bytes(value() if callable(value) else value, "little")


def altered(device: Device, key: tuple[int, int, int], change: Callable[[int], int]) -> None:
    """From now on the device gives another value for an attribute: what `change` makes of the true one."""
    kind, value = device.values[key]

    def octets() -> bytes:
        true = value() if callable(value) else value
        number = change(int.from_bytes(true, "little"))
        return (number & (1 << 8 * len(true)) - 1).to_bytes(len(true), "little")

    device.values[key] = (kind, octets)
