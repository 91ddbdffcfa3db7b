"""Which frame is due as an answer to which: from the dissectors' tables (ZCL commands, general commands, ZDP)."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.exchanges.frame_arrays import FrameArrays
from analysis.exchanges.kinds import kind_number
from dissectors.zcl import GENERAL, catalogue, label_of
from dissectors.zigbee import zdp_names

__all__ = [
    "CLUSTER", "DEFAULT_RESPONSE", "GENERAL_LAYER", "LAYER", "NOTHING", "ZDP", "Said", "codes_of_rows", "general_status",
    "named_cluster", "said", "zcl_name",
]  # fmt: skip

NOTHING, GENERAL_LAYER, CLUSTER, ZDP = 0, 1, 2, 3
"""Layers that a code names: none, general ZCL commands, those of a cluster, ZDP."""
DIRECTION, LAYER = 1 << 24, 25
ZDP_RESPONSE = 0x8000
DEFAULT_RESPONSE = next(number for number, one in GENERAL.items() if one.name == "Default Response")
REPORTS = frozenset(number for number, one in GENERAL.items() if one.name == "Report Attributes")


class Said(NamedTuple):
    """What a code means for exchanges.

    Attributes:
        name: for people.
        kind: of the exchange that it begins: a place in `analysis.exchanges.kinds.KINDS`.
        due: code of the answer that is due to it; -1: none.
        answers: whether it may be an answer to something.
        alone: whether it may also come unasked (Publish Price).
    """

    name: str
    kind: int
    due: int
    answers: bool
    alone: bool


def code_of(layer: int, to_client: bool, cluster: int, command: int) -> int:
    """One number for a command."""
    return layer << LAYER | (DIRECTION if to_client else 0) | cluster << 8 | command


def codes_of_rows(frames: FrameArrays) -> npt.NDArray[np.int64]:
    """The code of each row; 0 where no ZCL or ZDP command can be read."""
    zcl = frames.zcl_command >= 0
    layer = np.where(frames.words("zcl_type", "general"), GENERAL_LAYER, CLUSTER)
    client = np.where(frames.words("zcl_direction", "to-client"), DIRECTION, 0)
    cluster = np.maximum(frames.cluster, 0) << 8
    codes = np.where(zcl, layer << LAYER | client | cluster | frames.zcl_command, NOTHING)
    zdp = frames.is_data & (frames.profile == 0) & ~zcl
    return np.where(zdp, ZDP << LAYER | cluster, codes)


@cache
def said(code: int) -> Said:
    """What `code` means."""
    layer, to_client, cluster, command = _parts(code)
    if layer == ZDP:
        return _zdp(cluster)
    name = zcl_name(code)
    if layer == GENERAL_LAYER:
        one = GENERAL.get(command)
        answers = any(other.answer == command for other in GENERAL.values()) or command == DEFAULT_RESPONSE
        due = -1 if one is None or one.answer is None else code_of(layer, not to_client, cluster, one.answer)
        return Said(name, kind_number("zcl" if due >= 0 else "delivery"), due, answers, command in REPORTS)
    known = catalogue.command(cluster, _direction(to_client), command)
    answer = known.answer if known is not None else None
    due = -1 if answer is None else code_of(layer, not to_client, cluster, answer)
    others = catalogue.commands_of(cluster)
    answers = any(one.answer == command and one.direction != _direction(to_client) for one in others)
    kind = "zcl" if due >= 0 else "transfer" if known and known.name == "Transfer Data" else "delivery"
    return Said(name, kind_number(kind), due, answers, not (known and known.name.endswith("Response")))


def _zdp(cluster: int) -> Said:
    name = zdp_names().get(cluster, f"ZDP 0x{cluster:04X}")
    if cluster & ZDP_RESPONSE:
        return Said(name, kind_number("zdp"), -1, answers=True, alone=False)
    due = code_of(ZDP, False, cluster | ZDP_RESPONSE, 0) if cluster | ZDP_RESPONSE in zdp_names() else -1
    return Said(name, kind_number("zdp" if due >= 0 else "delivery"), due, answers=False, alone=True)


def _parts(code: int) -> tuple[int, bool, int, int]:
    return code >> LAYER, bool(code & DIRECTION), code >> 8 & 0xFFFF, code & 0xFF


def _direction(to_client: bool) -> Any:
    return "to-client" if to_client else "to-server"


@cache
def zcl_name(code: int) -> str:
    """Cluster and command of a ZCL code, for people."""
    layer, to_client, cluster, command = _parts(code)
    if layer == GENERAL_LAYER:
        named: Any = GENERAL.get(command)
    else:
        named = catalogue.command(cluster, _direction(to_client), command)
    what = named.name if named is not None else f"command 0x{command:02X}"
    return f"{catalogue.cluster(cluster).name}: {what}"


@cache
def named_cluster(name: str) -> int:
    """The number of a cluster. Raises StopIteration: the tables have none of that name."""
    return next(one.id for one in catalogue.clusters() if one.name == name)


@cache
def general_status(value: int) -> str:
    """What a ZCL status is called."""
    return label_of("Status", value)
