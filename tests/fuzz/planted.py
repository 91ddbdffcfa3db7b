"""Faults planted on purpose in five parsers: does the fuzzer find each?

    python -m tests.fuzz.planted

Each plant changes one function for the time of one short, seeded run of the target that looks at it; without the plant
the same run must find nothing. Deterministic: the inputs depend on the seed alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from tests.fuzz.target import target
from tests.fuzz.unguided import fuzz

__all__ = ["PLANTS", "Plant", "found"]

TRIES = 1500
Wrapped = Callable[..., Any]


class Plant(NamedTuple):
    """A fault: where it is put, what it does, and the target that must find it."""

    name: str
    target: str
    module: str
    function: str
    fault: Callable[[Wrapped], Wrapped]


def _counter(held: Wrapped) -> Wrapped:
    """An originator counter loses its lowest bit."""

    def grouping(envelope: Any, cursor: Any) -> None:
        held(envelope, cursor)
        envelope.counter &= ~1

    return grouping


def _unknown(held: Wrapped) -> Wrapped:
    """An unknown data type tag is an error of the language."""

    def read(tag: int, *place: Any) -> Any:
        if tag > 0x80 and tag != 0xFF:
            raise KeyError(tag)
        return held(tag, *place)

    return read


def _text(held: Wrapped) -> Wrapped:
    """A value of 0x80 in a ZCL payload cannot be said in words."""

    def read(cursor: Any, data_type: Any, *more: Any, **named: Any) -> Any:
        out = held(cursor, data_type, *more, **named)
        if out.value == 0x80:
            raise KeyError(out.value)
        return out

    return read


def _short(held: Wrapped) -> Wrapped:
    """A record of no octets is an error of the language."""

    def block(self: Any, records: Any, *more: Any) -> Any:
        out = held(self, records, *more)
        if len(out) and int(out.record_length.min()) < 3:
            raise IndexError("record")
        return out

    return block


def _key(held: Wrapped) -> Wrapped:
    """An error about hex digits shows them."""

    def octets(self: Any, name: str, *lengths: int, **named: Any) -> Any:
        value = self.values.get(name)
        if isinstance(value, str) and len(value) > 32:
            raise self.error(name, f"{value} is too long")
        return held(self, name, *lengths, **named)

    return octets


PLANTS = (
    Plant("GBCS: a counter loses a bit", "gbcs", "dissectors.gbcs.envelope", "_grouping", _counter),
    Plant("DLMS: an unknown type raises", "dlms", "dissectors.dlms.cosem.data", "read_value", _unknown),
    Plant("ZCL: a value has no words", "zcl", "dissectors.zcl.command", "read_value", _text),
    Plant(
        "captures: a short record raises",
        "containers",
        "captures.encapsulations.unwrap",
        "Unwrapper.block",
        _short,
    ),
    Plant("keys.toml: an error shows a key", "keys", "analysis.keys.keyfile", "Entry.octets", _key),
)


@contextmanager
def _planted(plant: Plant) -> Iterator[None]:
    owner: Any = import_module(plant.module)
    *path, name = plant.function.split(".")
    for part in path:
        owner = getattr(owner, part)
    held = getattr(owner, name)
    setattr(owner, name, plant.fault(held))
    try:
        yield
    finally:
        setattr(owner, name, held)


def found(plant: Plant, tries: int = TRIES) -> tuple[list[str], list[str]]:
    """The failures that the plant's target has with it, and those that it has without it (none)."""
    chosen = target(plant.target)
    without = fuzz(
        chosen, 0, least=tries
    )  # first, so that nothing that a target keeps is made under the plant
    with _planted(plant):
        with_it = fuzz(chosen, 0, least=tries)
    return sorted(with_it.failures), sorted(without.failures)


def main() -> int:
    missed = 0
    for plant in PLANTS:
        with_it, without = found(plant)
        good = bool(with_it) and not without
        missed += not good
        print(
            f"{'found ' if good else 'MISSED'}  {plant.name} ({plant.target}): {', '.join(with_it) or 'nothing'}"
        )
        for failure in without:
            print(f"        without the plant: {failure}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
