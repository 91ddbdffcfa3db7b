"""Values in their units: what a device said of its multiplier, divisor, unit and currency is remembered."""

from __future__ import annotations

from typing import Any

from dissectors.zcl.catalogue import Attribute, Command
from dissectors.zcl.general import Record
from dissectors.zcl.reading import Reading

__all__ = ["attribute", "field", "learn", "learn_command"]


def learn(reading: Reading, known: Attribute, value: Any) -> None:
    """Remember `value` if later values are scaled by it."""


def learn_command(reading: Reading, command: Command, values: dict[str, Any]) -> None:
    """Remember from a command what later values are scaled by."""


def attribute(reading: Reading, record: Record, number: float | None) -> tuple[float | None, str | None]:
    """The value of an attribute in its unit, as far as that is known."""
    return None, None


def field(
    reading: Reading, name: str, number: float | None, values: dict[str, Any]
) -> tuple[float | None, str | None]:
    """The value of a command's field in its unit."""
    return None, None
