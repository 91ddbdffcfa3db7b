"""What values tell of the home (``dissectors/zcl/tables/quantities.csv``): which attributes and fields are registers,
demands, prices, credit ...; so rules about values name no attribute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from analysis.features import names
from dissectors.layout import table

__all__ = ["Place", "kind_of", "places_of"]


class Place(NamedTuple):
    """Where a quantity stands.

    Attributes:
        first, last: identifiers of attributes; None of a field.
        command: of a field; None: of any command to the client.
        field: its name; empty of an attribute.
        bits: of alarms: those that say that something is wrong.
    """

    cluster: int
    kind: str
    first: int | None
    last: int | None
    command: int | None
    field: str
    bits: int

    def holds(self, attribute: int) -> bool:
        """Whether it is the place of an attribute of this number."""
        return self.first is not None and self.last is not None and self.first <= attribute <= self.last


@cache
def _places() -> tuple[Place, ...]:
    return tuple(_read())


def _read() -> Iterator[Place]:
    for row in table("zcl", "quantities"):
        cluster, where, bits = int(row["cluster"], 16), row["where"], int(row["bits"] or "-1", 0)
        if "/" in where:
            code, _, field = where.partition("/")
            command = None if code == "*" else int(code, 16)
            names.command_field(cluster, "to-client", () if command is None else (command,), field)
            yield Place(cluster, row["quantity"], None, None, command, field, bits)
        else:
            first, _, last = where.partition("-")
            names.attribute(cluster, int(first, 16))
            yield Place(cluster, row["quantity"], int(first, 16), int(last or first, 16), None, "", bits)


def places_of(*kinds: str) -> tuple[Place, ...]:
    """Where quantities of these kinds stand.

    Raises:
        UnknownName: no quantity is of such a kind, or the table names what the ZCL's tables do not have.
    """
    found = tuple(place for place in _places() if place.kind in kinds)
    lacking = set(kinds) - {place.kind for place in found}
    if lacking:
        raise names.UnknownName(f"no quantity {', '.join(sorted(lacking))}")
    return found


@cache
def kind_of(cluster: int, attribute: int) -> Place | None:
    """What an attribute tells; None where the table does not say."""
    for place in _places():
        if place.cluster == cluster and place.holds(attribute):
            return place
    return None
