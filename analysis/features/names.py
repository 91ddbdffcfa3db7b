"""Names that rules use, looked up in the dissectors' tables: a name that matches nothing there is a mistake of the rule.

A rule that names a cluster which does not exist, or a field under another command, never fires and looks well. So each
function here takes what a rule names *as one* (cluster, direction, command and field together) and raises `UnknownName`
where the dissector could never give such a row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import pandas as pd

from dissectors.dlms import member_name
from dissectors.gbcs import (
    Shape,
    gbz_command,
    gbz_templates,
    object_title,
    objects_of,
    protected_of,
    structures,
)
from dissectors.gbcs import use_cases as gbcs_use_cases
from dissectors.layout import table
from dissectors.zcl import GENERAL, catalogue

__all__ = [
    "UnknownName", "alert_code", "attribute", "cluster", "cluster_name", "command_field", "command_name", "commands",
    "message_object", "missing", "said", "use_cases",
]  # fmt: skip

KINDS = ("command", "response", "alert")


class UnknownName(LookupError):
    """A rule names what no dissector knows."""


# --- what is not known


def missing(value: Any) -> bool:
    """Whether a value of a table is not there, in whichever way pandas says it (None, NaN, NA, NaT)."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def said(value: Any, otherwise: str) -> str:
    """A value as a sentence takes it; `otherwise` where it is missing."""
    return otherwise if missing(value) else str(value)


# --- ZCL


def cluster_name(number: int) -> str:
    """What people call a cluster: ``Price``; its number where no table has it."""
    return catalogue.cluster(number).name


def command_name(number: int, general: bool, direction: str, command: int) -> str:
    """What people call a ZCL command: ``Get Current Price``; its number where no table has it."""
    if general:
        known = GENERAL.get(command)
        return known.name if known else f"general command 0x{command:02x}"
    found = catalogue.command(number, direction, command)
    return found.name if found else f"command 0x{command:02x}"


@cache
def _clusters() -> frozenset[int]:
    return frozenset(c.id for c in catalogue.clusters())


def cluster(number: int) -> int:
    """`number`, which is a cluster of the tables.

    Raises UnknownName otherwise."""
    if number not in _clusters() and not any(one.id == number for one in catalogue.clusters()):
        raise UnknownName(f"no cluster 0x{number:04x}")
    return number


def commands(number: int, direction: str | None, codes: Iterable[int] | None) -> None:
    """Cluster, direction and commands as one: each command is one of that cluster in that direction.

    Raises UnknownName otherwise."""
    cluster(number)
    ways = (direction,) if direction else ("to-server", "to-client")
    for code in codes or ():
        known = catalogue.commands_of(number)  # a manufacturer's among them
        if not any(one.id == code and one.direction in ways for one in known):
            raise UnknownName(f"no command 0x{code:02x} {direction or ''} of cluster 0x{number:04x}")


def attribute(number: int, code: int | None) -> None:
    """A cluster, and one of its attributes where `code` names one.

    Raises UnknownName otherwise."""
    cluster(number)
    if code is not None and not any(catalogue.attribute(number, side, code) for side in ("server", "client")):
        raise UnknownName(f"no attribute 0x{code:04x} of cluster 0x{number:04x}")


@cache
def _field_rows() -> dict[tuple[int, str, int], list[dict[str, str]]]:
    """The rows of fields by cluster, direction and command."""
    out: dict[tuple[int, str, int], list[dict[str, str]]] = {}
    for row in table("zcl", "fields"):
        if row["cluster"].startswith("0x") and row["command"]:
            key = int(row["cluster"], 16), row["direction"], int(row["command"], 16)
            out.setdefault(key, []).append(row)
    return out


@cache
def _fields(number: int, direction: str, code: int) -> tuple[str, ...]:
    own = (one for one in catalogue.commands_of(number) if one.manufacturer is not None)
    out = [field.name for one in own if (one.direction, one.id) == (direction, code) for field in one.fields]
    for row in _field_rows().get((number, direction, code), ()):
        out.append(row["name"])
        if row["type"].startswith("struct:"):
            out += [
                f"{row['name']}.{part.name}" for part in catalogue.struct(row["type"].removeprefix("struct:"))
            ]
    return tuple(out)


def command_field(number: int, direction: str | None, codes: Iterable[int], pattern: str) -> None:
    """Cluster, direction, command and field as one: some command of these has a field that `pattern` matches.

    Raises UnknownName otherwise."""
    codes = tuple(codes)
    commands(number, direction, codes)
    ways = (direction,) if direction else ("to-server", "to-client")
    fits = re.compile(re.sub(r"\\\[\d+\\\]", "", pattern)).fullmatch  # one of several: ``flags[2]``
    for code in codes:
        names = [name for way in ways for name in _fields(number, way, code)]
        if not any(fits(name) for name in names):
            raise UnknownName(
                f"no field {pattern} of command 0x{code:02x} of cluster 0x{number:04x}: {names}"
            )


# --- GBCS


@cache
def use_cases(pattern: str) -> tuple[int, ...]:
    """The message codes of the use cases that `pattern` matches.

    Raises UnknownName where there is none."""
    fits = re.compile(pattern).fullmatch
    found = tuple(code for code, row in gbcs_use_cases().items() if fits(row.use_case))
    if not found:
        raise UnknownName(f"no use case {pattern}")
    return found


@cache
def alert_code(code: int) -> int:
    """`code`, which is an alert of the tables.

    Raises UnknownName otherwise."""
    if code not in {int(row["alert_code"], 16) for row in table("gbcs", "alert_codes")}:
        raise UnknownName(f"no alert 0x{code:04x}")
    return code


@cache
def message_object(pattern: str, kind: str, name: str) -> None:
    """Use case, kind of message and object as one: some message has an item whose object `name` matches.

    Raises UnknownName otherwise."""
    codes, fits = use_cases(pattern), re.compile(name, re.IGNORECASE).fullmatch
    if name == ".*" or any(fits(one) for code in codes for one in objects(code, kind)):
        return
    raise UnknownName(f"no object {name} in a {kind or 'message'} of use case {pattern}")


@cache
def objects(code: int, kind: str) -> tuple[str, ...]:
    """The objects, without indices, that items of a message may have (all kinds where `kind` is empty)."""
    kinds = [n for n, one in enumerate(KINDS, 1) if kind in ("", one)]
    out = [path for n in kinds for path in _der_paths(code, n)]
    out += _gbz(gbcs_use_cases()[code].use_case, kind)
    out += _cosem(code)
    if kind in ("", "alert"):
        out += ["alert code", "alert time"]
    return tuple(dict.fromkeys(INDEX.sub("", one) if "[" in one else one for one in out))


INDEX = re.compile(r"\[\d+\]")


def _der_paths(code: int, cra: int) -> list[str]:
    shape = structures.structure(code, cra)
    return [] if shape is None else list(_paths(shape, ""))


def _paths(shape: Shape, path: str, depth: int = 0) -> Iterable[str]:
    where = f"{path}.{shape.name}" if path else shape.name
    yield where
    if shape.name == "certificate":
        yield from (f"{where}.{leaf}" for leaf in CERTIFICATE_LEAVES)
    if depth < 8:
        for part in shape.parts:
            yield from _paths(part, where, depth + 1)


CERTIFICATE_LEAVES = (
    "serial_number", "not_after", "unique_identifier", "key_usage", "hardware_serial_number",
)  # fmt: skip


def _gbz(name: str, kind: str) -> list[str]:
    """Of GBZ messages: commands, their fields, the attributes that are read. An answer may be a default response, whose
    item is called after the command."""
    out: list[str] = []
    for part, rows in gbz_templates().get(name, {}).items():
        if (kind == "alert") != ("Pushed" in part):
            continue
        asked = part == "Command"
        mine = kind not in ("command", "response") or asked == (kind == "command")
        for row in rows:
            number, general = int(row["cluster"], 16), not int(row["frame_control"], 16) & 1
            if general and mine:
                codes = [int(one[:6], 16) for one in row["values"].split() if one.startswith("0x")]
                found = [catalogue.attribute(number, "server", code) for code in codes]
                out += [one.name for one in found if one is not None]
            if not general:
                command = gbz_command(row)
                fields = _fields(number, command.direction, command.id)
                out += [command.name] if kind != "command" or asked else []
                out += [f"{command.name}: {field}" for field in fields] if mine else []
    return out


def _cosem(code: int) -> list[str]:
    """Of DLMS messages: the objects of the use case, with the names of what is inside their values."""
    out: list[str] = []
    for target in (*objects_of(code), *protected_of(code)):
        title = object_title(target) or ""
        base = title.partition(": ")[0]
        out += [title, f"{base}: {member_name(target.class_id, target.number, target.method)}"]
        out.append(f"{title}: access_selector")
        out += [f"{title}: {dot}{leaf}" for leaf in _leaves(code) for dot in ("", ".")]
    return [*out, *_leaves(code)]


@cache
def _leaves(code: int) -> tuple[str, ...]:
    """Names of the parts of values in a use case, and their paths."""
    out: list[str] = []
    for row in table("gbcs", "dlms_objects_by_usecase"):
        if row["message_code"] and int(row["message_code"], 16) == code:
            for path in row["cosem_name"].split(":"):
                plain = re.sub(r"\[[^\]]*\]", "", path)
                out += [plain, *plain.split("."), ".".join(plain.split(".")[1:])]
    return tuple(dict.fromkeys(one for one in out if one))
