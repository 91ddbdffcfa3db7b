"""Rows of what the protocols name: attributes, commands and their fields, values inside messages.

    Field("Tunneling", TO_CLIENT, "Request Tunnel Response", "tunnel_status").where(c.number != 0)
    Quantity("demand")

Clusters, commands, fields, use cases and objects are looked up in the dissectors' tables (`analysis.features.names`,
`analysis.features.identifiers`) when the rows are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

from analysis.features import identifiers, names, quantities
from analysis.features.identifiers import CLUSTERS, TO_CLIENT, TO_SERVER
from analysis.rules.expression import Condition, Known, Match, RuleError, c
from analysis.rules.rows import Rows, attributes, commands, items, number_of

__all__ = [
    "TO_CLIENT", "TO_SERVER", "Attribute", "ClusterCommands", "Command", "Field", "FieldQuantity", "Item", "Quantity",
]  # fmt: skip

Name: TypeAlias = int | str
"""A cluster, command or attribute by its number, or by the name that the specification gives it."""


def Attribute(cluster: Name, attribute: Name | None = None) -> Rows:  # noqa: N802
    """Values of one attribute of a cluster (of all of them when None), a row each.

    Raises:
        RuleError: the ZCL's tables have none.
    """
    cluster = _cluster(cluster)
    if isinstance(attribute, str):
        attribute = looked_up(identifiers.attribute, cluster, attribute)
    looked_up(names.attribute, cluster, attribute)
    rows = attributes.where(c.cluster == cluster)
    return rows if attribute is None else rows.where(c.attribute == attribute)


def Quantity(*kinds: str) -> Rows:  # noqa: N802
    """Values that servers give of attributes of some kind (``register``, ``demand``, ``credit`` ...), a row each; which
    they are stands in ``dissectors/zcl/tables/quantities.csv``.

    Raises:
        RuleError: no quantity is of that kind.
    """
    of: dict[int, list[Condition]] = {}
    for place in looked_up(quantities.places_of, *kinds):
        if place.first is not None:
            of.setdefault(place.cluster, []).append(c.attribute.between(place.first, place.last))
    every = [(c.cluster == cluster) & reduce(or_, places) for cluster, places in of.items()]
    return attributes.where(reduce(or_, every), c.direction == TO_CLIENT)


def FieldQuantity(*kinds: str) -> Rows:  # noqa: N802
    """As `Quantity`, of the fields of commands to a client.

    Raises:
        RuleError: no quantity is of that kind.
    """
    every: list[Condition] = []
    for place in looked_up(quantities.places_of, *kinds):
        if place.field:
            fits: Condition = (c.cluster == place.cluster) & Match(
                "field", place.field, whole=True, without_index=True
            )
            every.append(fits if place.command is None else fits & (c.command == place.command))
    return commands.where((c.layer == "zcl") | c.layer.unknown, c.direction == TO_CLIENT, reduce(or_, every))


def _cluster(cluster: Name) -> int:
    return number_of(CLUSTERS, cluster) if isinstance(cluster, str) else cluster


def _codes(cluster: int, direction: str | None, command: Name | Iterable[Name]) -> tuple[int, ...]:
    """Commands by their numbers."""
    every = (command,) if isinstance(command, int | str) else tuple(command)
    ways = (direction,) if direction else (TO_SERVER, TO_CLIENT)
    out: list[int] = []
    for one in every:
        if isinstance(one, int):
            out.append(one)
            continue
        found = [found for way in ways if (found := command_of(cluster, way, one)) is not None]
        if not found:
            raise RuleError(
                f"no command {one!r} {direction or ''} of cluster 0x{cluster:04x}".replace("  ", " ")
            )
        out += found
    return tuple(out)


def command_of(cluster: int, direction: str, name: str) -> int | None:
    """The number of a command; None where there is none of that name."""
    try:
        return identifiers.command(cluster, direction, name).id
    except LookupError:
        return None


def Field(cluster: Name, direction: str | None, command: Name | Iterable[Name], field: str) -> Rows:  # noqa: N802
    """One field of a cluster's commands, a row each time: ``number``, ``value`` (text), ``meaning``, and the command's.

    `field` is a regular expression over the whole name; an index is left away, or named: ``tiers[2].price``.

    Raises:
        RuleError: the ZCL's tables have no such cluster, command or field.
    """
    cluster = _cluster(cluster)
    codes = _codes(cluster, direction, command)
    looked_up(names.command_field, cluster, direction, codes, field)
    fits = Match("field", field, whole=True, without_index=True)
    return _of_cluster(cluster, direction, codes).where(fits, c.value.known)


def Command(cluster: Name, direction: str | None, command: Name | Iterable[Name], *fields: str) -> Rows:  # noqa: N802
    """Commands of a cluster, one row each: who sent it to whom when, and those of its `fields` that are named, as numbers
    (as texts where the field's name ends in ``:text``).

    Raises:
        RuleError: the ZCL's tables have no such cluster, command or field.
    """
    cluster = _cluster(cluster)
    codes = _codes(cluster, direction, command)
    looked_up(names.commands, cluster, direction, codes)
    for field in fields:
        looked_up(names.command_field, cluster, direction, codes, field.removesuffix(":text"))
    return Rows("commands", of=_of_cluster(cluster, direction, codes).condition, fields=fields)


def ClusterCommands(cluster: Name, direction: str | None = None) -> Rows:  # noqa: N802
    """All commands of a cluster (in one direction), a row each field.

    Raises:
        RuleError: there is no such cluster.
    """
    rows = commands.where((c.layer == "zcl") | c.layer.unknown, c.cluster == _cluster(cluster))
    return rows if direction is None else rows.where(c.direction == direction)


def _of_cluster(cluster: int, direction: str | None, codes: tuple[int, ...]) -> Rows:
    of_zcl = (c.layer == "zcl") | c.layer.unknown
    rows = commands.where(of_zcl, c.cluster == cluster, c.command.isin(*codes))
    return rows if direction is None else rows.where(c.direction == direction)


def Item(use_case: str, kind: str, name: str, column: str = "value") -> Rows:  # noqa: N802
    """Values inside GBCS messages, a row each, with their message's columns.

    Args:
        use_case: regular expression over the use case.
        kind: ``command``, ``response``, ``alert``; empty for all.
        name: regular expression over the whole name of the object, its indices left away.
        column: which must be there: ``value``, or ``result``.

    Raises:
        RuleError: GBCS's tables have no such use case, or no such object in it.
    """
    looked_up(names.message_object, use_case, kind, name)
    fits = Match("object", name, whole=True, without_index=True)
    rows = items.where(c.use_case.fullmatch(use_case), fits, Known(column))
    return rows.where(c.cra == kind) if kind else rows


def looked_up(look_up: Any, *said: Any) -> Any:
    """What the dissectors' tables have for what a rule names.

    Raises:
        RuleError: they have nothing.
    """
    try:
        return look_up(*said)
    except LookupError as error:
        raise RuleError(str(error.args[0]) if error.args else str(error)) from None
