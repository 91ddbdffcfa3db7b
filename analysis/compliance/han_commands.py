"""ZCL commands as rows: one line per command frame, fields as columns, for the rules about exchanges on the
HAN."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.judging import mask
from analysis.view import Frame, View

__all__ = [
    "KEY_ESTABLISHMENT", "METERING", "OTA", "READ", "READ_RESPONSE", "REPORT", "SUB_GHZ", "TO_CLIENT", "TO_SERVER",
    "TUNNELING", "attributes_of", "commands", "field_of", "metering_frames",
]  # fmt: skip

TO_SERVER, TO_CLIENT = "to-server", "to-client"
OTA, METERING, TUNNELING, SUB_GHZ, KEY_ESTABLISHMENT = 0x0019, 0x0702, 0x0704, 0x070B, 0x0800
READ, READ_RESPONSE, REPORT = 0x00, 0x01, 0x0A


def attributes_of(view: View, cluster: int, attribute: int | None = None) -> Frame:
    """Rows of the attributes table of one cluster, of one attribute where that is named."""
    rows = view.attributes
    rows = rows[mask(rows["cluster"] == cluster)]
    return rows if attribute is None else rows[mask(rows["attribute"] == attribute)]


def commands(
    view: View, cluster: int, direction: str | None = None, command: Sequence[int] | None = None
) -> Frame:
    """One row per cluster command of `cluster`, in time order: frame, seconds, source, destination,
    command."""
    rows = view.command_rows("zcl", command)
    rows = rows[mask(rows["cluster"] == cluster)]
    if direction is not None:
        rows = rows[mask(rows["direction"] == direction)]
    columns = ["frame", "seconds", "source", "destination", "direction", "command", "command_name"]
    return rows.drop_duplicates("frame")[columns].sort_values(["seconds", "frame"])


def field_of(view: View, rows: Frame, pattern: str, text: bool = False) -> Frame:
    """The first field whose name matches `pattern`, for each command of `rows`; its number, or its text."""
    fields = view.tables["commands"]
    inside = fields[mask(fields["frame"].isin(rows["frame"]))]
    inside = inside[mask(inside["field"].astype(str).str.fullmatch(pattern))].drop_duplicates("frame")
    known = inside.set_index("frame")["value" if text else "number"]
    return pd.Series(rows["frame"].map(known).to_numpy(), index=rows.index)


def metering_frames(view: View, clusters: Sequence[int]) -> Frame:
    """Good APS data frames on `clusters` of the Smart Energy profile."""
    packets = view.good
    return packets[mask(packets["aps_type"] == "data") & mask(packets["aps_cluster"].isin(list(clusters)))]
