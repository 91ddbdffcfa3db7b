"""ZCL commands as rows: one line per command frame, fields as columns, for the rules about exchanges on the
HAN."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.features import names
from analysis.features.judging import matching
from analysis.features.view import Frame, View

__all__ = [
    "KEY_ESTABLISHMENT", "METERING", "OTA", "READ", "READ_RESPONSE", "REPORT", "SUB_GHZ", "TO_CLIENT", "TO_SERVER",
    "TUNNELING", "attributes_of", "commands", "field_of", "metering_frames",
]  # fmt: skip

TO_SERVER, TO_CLIENT = "to-server", "to-client"
OTA, METERING, TUNNELING, SUB_GHZ, KEY_ESTABLISHMENT = 0x0019, 0x0702, 0x0704, 0x070B, 0x0800
READ, READ_RESPONSE, REPORT = 0x00, 0x01, 0x0A


def attributes_of(view: View, cluster: int, attribute: int | None = None) -> Frame:
    """Rows of the attributes table of one cluster, of one attribute where that is named."""
    names.attribute(cluster, attribute)
    rows = view.attributes.only(cluster=cluster)
    return rows if attribute is None else rows.only(attribute=attribute)


def commands(
    view: View, cluster: int, direction: str | None = None, command: Sequence[int] | None = None
) -> Frame:
    """One row per cluster command of `cluster`, in time order: frame, seconds, source, destination,
    command."""
    names.commands(cluster, direction, command)
    lines = view.once(_lines, cluster, direction, None if command is None else tuple(command))
    return lines.copy(deep=False)


COLUMNS = ["frame", "seconds", "source", "destination", "direction", "command", "command_name"]


def _lines(view: View, cluster: int, direction: str | None, command: tuple[int, ...] | None) -> Frame:
    rows = view.command_rows("zcl").only(cluster=cluster)
    rows = rows if direction is None else rows.only(direction=direction)
    rows = rows if command is None else rows.only(command=list(command))
    if rows.empty:  # most commands are in no capture: the same table of none serves them all
        return view.once(_no_commands)
    lines = rows.drop_duplicates("frame")[COLUMNS]
    in_order = lines["seconds"].is_monotonic_increasing and lines["frame"].is_monotonic_increasing
    return lines if in_order else lines.sort_values(["seconds", "frame"])


def _no_commands(view: View) -> Frame:
    return view.tables["commands"].iloc[:0][COLUMNS]


def field_of(view: View, rows: Frame, pattern: str, text: bool = False) -> Frame:
    """The first field whose name matches `pattern`, for each command of `rows`; its number, or its text."""
    wanted = "value" if text else "number"
    if rows.empty:
        return pd.Series([], index=rows.index, dtype=object if text else "float64")
    inside = view.tables["commands"].of_frames(rows["frame"])
    inside = inside[matching(inside["field"], pattern)].drop_duplicates("frame")
    known = inside[["frame", wanted]].set_index("frame")[wanted]
    return pd.Series(rows["frame"].map(known).to_numpy(), index=rows.index)


def metering_frames(view: View, clusters: Sequence[int]) -> Frame:
    """Good APS data frames on `clusters` of the Smart Energy profile."""
    return view.good.only(aps_cluster=list(clusters), aps_type="data")
