"""ZCL commands as rows: one line per command frame, fields as columns, for the rules about exchanges on the
HAN."""

from __future__ import annotations

import pandas as pd

from analysis.features import names
from analysis.features.identifiers import (
    CLUSTERS,
    GENERAL_COMMANDS,
    TO_CLIENT,
    TO_SERVER,
    Command,
    FieldName,
    enumeration,
    to_client,
    to_server,
)
from analysis.features.judging import mask
from analysis.features.selection import Selection
from analysis.features.view import Frame, View

__all__ = [
    "ACCEPTED", "IMAGE_BLOCK", "IMAGE_BLOCK_REQUEST", "KEY_ESTABLISHMENT", "METERING", "NEXT_IMAGE",
    "NEXT_IMAGE_REQUEST", "OTA", "PREPAYMENT", "READ", "READ_RESPONSE", "REPORT", "SUB_GHZ", "TO_CLIENT",
    "TO_SERVER", "TUNNELING", "UPGRADE_END", "attributes_of", "commands", "commands_on", "field_of",
]  # fmt: skip

OTA, METERING, TUNNELING, SUB_GHZ, KEY_ESTABLISHMENT, PREPAYMENT = CLUSTERS.some(
    "OTA Upgrade", "Metering", "Tunneling", "Sub-GHz", "Key Establishment", "Prepayment"
)
READ, READ_RESPONSE, REPORT = GENERAL_COMMANDS.some(
    "Read Attributes", "Read Attributes Response", "Report Attributes"
)
NEXT_IMAGE_REQUEST = to_server(OTA, "Query Next Image Request")
NEXT_IMAGE = to_client(OTA, "Query Next Image Response")
IMAGE_BLOCK_REQUEST = to_server(OTA, "Image Block Request")
IMAGE_BLOCK = to_client(OTA, "Image Block Response")
UPGRADE_END = to_server(OTA, "Upgrade End Request")
ACCEPTED = [number for label, number in enumeration("ResultType").items() if label.startswith("Accepted")]
"""Results of a top-up: accepted, whatever the supply then is."""


def attributes_of(view: View, cluster: int, attribute: int | None = None) -> Frame:
    """Rows of the attributes table of one cluster, of one attribute where that is named."""
    names.attribute(cluster, attribute)
    rows = view.attributes.only(cluster=cluster)
    return rows if attribute is None else rows.only(attribute=attribute)


def commands(view: View, *wanted: Command) -> Frame:
    """One row per frame with one of these commands, all of one cluster, in time order: frame, seconds, source,
    destination, direction, command."""
    return view.once(_lines_of, wanted).copy(deep=False)


def commands_on(view: View, cluster: int, direction: str | None = None) -> Frame:
    """As `commands`, all commands of a cluster (in one direction)."""
    return view.once(_lines_on, cluster, direction).copy(deep=False)


COLUMNS = ["frame", "seconds", "source", "destination", "direction", "command", "command_name"]


def _lines_of(view: View, wanted: tuple[Command, ...]) -> Frame:
    [cluster] = {one.cluster for one in wanted}
    rows = view.command_rows("zcl").only(cluster=cluster, command=sorted({one.id for one in wanted}))
    directions, both = {one.direction for one in wanted}, {(one.direction, one.id) for one in wanted}
    # the same number may be another command the other way
    if len(both) < len(directions) * len({one.id for one in wanted}):
        pairs = zip(rows["direction"], rows["command"], strict=True)
        return _lines(view, rows[mask([pair in both for pair in pairs])])
    return _lines(view, rows.only(direction=sorted(directions)))


def _lines_on(view: View, cluster: int, direction: str | None) -> Frame:
    rows = view.command_rows("zcl").only(cluster=cluster)
    return _lines(view, rows if direction is None else rows.only(direction=direction))


def _lines(view: View, rows: Selection) -> Frame:
    if rows.empty:  # most commands are in no capture: the same table of none serves them all
        return view.once(_no_commands)
    lines = rows.drop_duplicates("frame")[COLUMNS]
    in_order = lines["seconds"].is_monotonic_increasing and lines["frame"].is_monotonic_increasing
    return lines if in_order else lines.sort_values(["seconds", "frame"])


def _no_commands(view: View) -> Frame:
    return view.tables["commands"].iloc[:0][COLUMNS]


def field_of(view: View, rows: Frame, *fields: FieldName, text: bool = False) -> Frame:
    """The first field with one of these names, for each command of `rows`; its number, or its text."""
    wanted = "value" if text else "number"
    if rows.empty:
        return pd.Series([], index=rows.index, dtype=object if text else "float64")
    inside = view.tables["commands"].of_frames(rows["frame"])
    inside = inside[mask(inside["field"].isin(fields))].drop_duplicates("frame")
    known = inside[["frame", wanted]].set_index("frame")[wanted]
    return pd.Series(rows["frame"].map(known).to_numpy(), index=rows.index)
