"""Cluster commands of many frames at once: those whose fields all have a fixed size.

Strategy: a command's row in the tables is compiled once to a `Plan`: where each field lies. Commands with
strings, lists, conditions or repetition, those that other frames depend on (tunnels, key establishment,
what sets scaling), and payloads of another length than the plan's leave the vector path.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dissectors.vectors import Columns, Index, OctetArray, distinct
from dissectors.zcl import catalogue, scaling
from dissectors.zcl.catalogue import Attribute, Command, FieldSpec
from dissectors.zcl.columns.attributes import Spec, ZclFrames, values_of
from dissectors.zcl.columns.headers import Records
from dissectors.zcl.columns.values import RenderedValues
from dissectors.zcl.header import DIRECTIONS
from dissectors.zcl.stateful.clusters import FOLLOWERS
from dissectors.zcl.summaries import line

__all__ = ["Plan", "command_rows", "plan_of", "plans_of"]

SCALARS = frozenset({"uint", "int", "data", "bitmap", "enum", "bool", "float", "utc", "date", "time_of_day"})
SCALARS |= {"cluster", "attribute", "eui64"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plan:
    """A command whose fields lie at fixed places: (field, offset, how its values are read)."""

    command: Command
    cluster_name: str
    size: int
    parts: tuple[tuple[str, int, Spec], ...]
    summary: str

    @property
    def status_at(self) -> int | None:
        """Where a status octet lies that the `packets` table shows."""
        places = [
            at for name, at, spec in self.parts if name == "status" and spec.kind and spec.kind.length == 1
        ]
        return places[0] if places else None


@lru_cache(maxsize=1 << 14)
def plan_of(cluster: int, direction: str, code: int, manufacturer: int | None) -> Plan | None:
    """The plan of a command; None where it must be read one by one."""
    owner = catalogue.cluster(cluster, manufacturer)
    command = catalogue.command(owner.id, direction, code, manufacturer)
    if command is None or owner.id in FOLLOWERS or scaling.concerns(command):
        return None
    at, parts = 0, []
    for one in command.fields:
        spec = _field(owner.id, one)
        if (
            spec is None
            or spec.kind is None
            or (one.name == "status" and spec.kind.kind not in ("uint", "enum"))
        ):
            return None
        parts.append((one.name, at, spec))
        at += spec.kind.length
    return Plan(command, owner.name, at, tuple(parts), line(owner.name, command.name, code))


def _field(cluster: int, one: FieldSpec) -> Spec | None:
    if one.condition or one.repeat or ":" in one.type or one.type == "typed":
        return None
    kind = catalogue.data_type_named(one.type)
    if kind.kind not in SCALARS or kind.length > 8:
        return None
    known = Attribute(cluster, "server", 0, one.name, kind, one.meaning)
    return Spec(cluster, None, 0, known, kind, checked=False)


def plans_of(frames: ZclFrames, sizes: Index, chosen: Index) -> tuple[list[Plan], Index, Index]:
    """Plans for the chosen cluster commands: the distinct ones, which one each frame has, and the frames."""
    kinds, kind = distinct((frames.context[chosen] << 8) | frames.command[chosen])
    plans: list[Plan] = []
    number = np.full(len(kinds), -1, np.int64)
    for i, key in enumerate(kinds.tolist()):
        packed = int(frames.contexts[key >> 8])
        manufacturer = (packed >> 1 & 0x1FFFF) - 1
        code = None if manufacturer < 0 else manufacturer
        plan = plan_of(packed >> 18, DIRECTIONS[packed & 1], key & 0xFF, code)
        if plan is not None:
            number[i] = len(plans)
            plans.append(plan)
    which = number[kind]
    length = np.array([plan.size for plan in plans] + [-1], np.int64)
    fits = (which >= 0) & (length[which] == sizes[chosen])
    return plans, which[fits], chosen[fits]


def command_rows(
    octets: OctetArray,
    frames: ZclFrames,
    at: Index,
    plans: list[Plan],
    which: Index,
    chosen: Index,
    phrases: RenderedValues,
) -> tuple[Index, Columns]:
    """Rows of the `commands` table, one a field (one without a field for commands that have none).

    Returns the row in the block of each, and the columns; `at` is where each frame's payload begins.
    """
    counts = np.array([max(1, len(plan.parts)) for plan in plans], np.int64)[which]
    frame = np.repeat(np.arange(len(chosen)), counts)
    part = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = [(plan, *part) for plan in plans for part in plan.parts or (("", 0, _NOTHING),)]
    first = np.cumsum([0] + [max(1, len(plan.parts)) for plan in plans])
    spec = first[which[frame]] + part
    specs = [entry[3] for entry in table]
    begin = at[frame] + np.array([entry[2] for entry in table], np.int64)[spec]
    values = values_of(octets, _records(frame, begin, specs, spec), specs, spec, phrases)
    out = Columns(len(frame))
    mask = np.ones(out.count, np.bool_)
    owner = chosen[frame]
    out.fill("source", frames.source[owner], mask)
    out.fill("destination", frames.destination[owner], mask)
    out.fill("cluster", frames.cluster[owner], mask)
    out.fill("command", frames.command[owner], mask)
    out.fill_words("cluster_name", spec, [entry[0].cluster_name for entry in table], mask)
    out.fill_words("command_name", spec, [entry[0].command.name for entry in table], mask)
    out.fill_words("direction", frames.to_client[owner].astype(np.int32), DIRECTIONS, mask)
    names = [entry[1] for entry in table]
    out.fill_words("field", spec, names, np.array([name != "" for name in names], np.bool_)[spec])
    out.values["value"], out.values["meaning"] = values.text, values.meaning
    out.fill("number", values.number, values.numeric)
    return frames.rows[owner], out


def _records(frame: Index, begin: Index, specs: list[Spec], spec: Index) -> Records:
    """Fields as the records that values are read from."""
    kinds = np.array([s.kind.id if s.kind else -1 for s in specs], np.int16)
    sizes = np.array([s.kind.length if s.kind else 0 for s in specs], np.int64)
    none = np.full(len(frame), -1, np.int16)
    return Records(frame, none.astype(np.uint16), none, kinds[spec], begin, begin, sizes[spec])


_NOTHING = Spec(0, None, 0, None, None)
