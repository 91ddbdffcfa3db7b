"""Commands of one kind, from one device to another, beyond what an hour needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.identifiers import APS_COMMANDS, CLUSTERS, GENERAL_COMMANDS, NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import groups_by, mask, spread
from analysis.features.names import cluster_name, command_name, missing
from analysis.features.stations import NO_SHORT
from analysis.features.view import DEVICE_PROFILE
from analysis.rules.declare import Evidence, Frame, RuleError, Subject, View, broken, kept, rule
from analysis.tables.lazy import numbers_of
from dissectors.layout import rows_in

Times = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HOUR, LEAST = 3600.0, 15.0
ANSWERS_FROM = ZDP_COMMANDS["NWK_addr_rsp"]
LAYERS = {"zdp": "aps_cluster", "nwk": "nwk_command", "aps": "aps_command"}


@cache
def limits() -> tuple[dict[str, str], ...]:
    """The rows of `limits.csv`, names looked up.

    Raises:
        RuleError: a row names what the tables do not have.
    """
    rows = rows_in("analysis.rules.load", "limits")
    named = {"nwk": NWK_COMMANDS, "aps": APS_COMMANDS, "zdp": ZDP_COMMANDS}
    for row in rows:
        known = named.get(row["layer"], GENERAL_COMMANDS if row["general"] == "yes" else None)
        if row["command"] and known is not None and row["command"] not in known:
            raise RuleError(f"limits.csv: no command {row['command']} of {row['layer']}")
        if row["cluster"] and row["cluster"] not in CLUSTERS:
            raise RuleError(f"limits.csv: no cluster {row['cluster']}")
    return rows


@cache
def hourly(layer: str, cluster: str, direction: str, command: str, general: bool) -> float:
    """How many of a command an hour are well; infinite where nothing is said."""
    asked = {"layer": layer, "cluster": cluster, "direction": direction, "command": command}
    asked["general"] = "yes" if general else "no"
    for row in limits():
        if all(row[name] in ("", value) for name, value in asked.items()):
            return float(row["hourly"]) if row["hourly"] else np.inf
    return np.inf


@rule(
    "request-load",
    "A device sends more of one command than anything needs",
    finds="""One command from one device to another more often within an hour (or half as often within ten minutes) than
    what it is for needs: reads, requests, messages to displays, ZDP, NWK and APS commands. Bursts within a minute are
    told by other rules.""",
    matters="It fills the air, on sub-GHz the hub's duty cycle, and drains the batteries of who must listen.",
    example="""In-home display (90b3d5fffe0000a5): 184 Get Last Message (Messaging) to Communications hub
    (90b3d5fffe0000a2) within an hour, one every 20 s (from frame 300 to 2012); 60 are plenty""",
    source="limits.csv of this rule (intervals of SMETS2, ZCL, ZigBee PRO)",
    advice="Find out why it repeats: no answer, an answer that it does not take, or a fault in its software",
    family="anomaly", area="load", severity="warning", confidence="derived", cause="duty cycle",
    requires="readable commands of devices",
    broken_by="ordinary-day --fault slow-load --seconds 4800", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def request_load(
    view: View, *, window: float = 600.0, part: float = 0.5, least: int = 15
) -> Iterator[Evidence]:
    """Each kind of each pair: the most within an hour and within ten minutes, retries and copies counted once."""
    worst: dict[int, Evidence | None] = {}
    for rows, columns in _kinds(view):
        if rows.empty:
            continue
        groups = groups_by(rows, *columns)
        seconds, numbers = rows["seconds"].to_numpy(dtype=float), numbers_of(rows["nwk_seq"])
        firsts = rows.iloc[[places[0] for places in groups]]
        kinds = zip(*(firsts[name].tolist() for name in columns), strict=True)
        for places, kind in zip(groups, kinds, strict=True):
            origin = int(kind[0])
            worst.setdefault(origin, None)
            if len(places) < least or worst[origin] is not None:
                continue
            limit, name = _limit(columns[-1], *kind[2 if "target" in columns else 1 :])
            if len(places) <= part * limit:
                continue
            sent = places[~_again(seconds[places], *(column[places] for column in numbers))]
            for span, most in ((HOUR, limit), (window, max(part * limit, LEAST))):
                crowd = _crowd(seconds[sent], span, most)
                if crowd is not None and worst[origin] is None:
                    worst[origin] = _beyond(view, rows.iloc[sent[crowd]], name, span, most)
    for origin, evidence in worst.items():
        yield evidence or kept(Subject.device(origin), "no more of any command than is needed")


def _kinds(view: View) -> Iterator[tuple[Frame, tuple[str, ...]]]:
    """Rows of each layer, and what makes two of them the same kind."""
    packets = view.good
    unicast = mask(packets["nwk_dst"] < NO_SHORT)
    rows = packets[packets.known("origin") & ~mask(packets["nwk_security"] == "bad_mic")]
    zcl = packets[mask(packets["zcl_command"].notna()) & unicast & packets.known("origin")]
    zcl = zcl[
        mask(zcl["aps_cluster"].notna()) & mask(zcl["zcl_direction"].notna()) & mask(zcl["zcl_type"].notna())
    ]
    yield zcl, ("origin", "target", "aps_cluster", "zcl_direction", "zcl_type", "zcl_command")
    zdp = rows[mask(rows["aps_profile"] == DEVICE_PROFILE) & mask(rows["aps_cluster"] < ANSWERS_FROM)]
    yield zdp[mask(zdp["aps_type"] == "data")], ("origin", "target", "aps_cluster")
    yield rows[mask(rows["nwk_command"].notna())], ("origin", "nwk_command")
    yield rows[mask(rows["aps_command"].notna())], ("origin", "target", "aps_command")


@cache
def _limit(column: str, *kind: Any) -> tuple[float, str]:
    """What is well in an hour of a kind, which is the values of the columns of its layer, and what it is called."""
    if column == "zcl_command":
        number, direction, of, command = kind
        general, cluster = of == "general", cluster_name(int(number))
        name = command_name(int(number), general, str(direction), int(command))
        return hourly("zcl", cluster, str(direction), name, general), f"{name} ({cluster})"
    layer = next(layer for layer, of in LAYERS.items() if of == column)
    known = {"zdp": ZDP_COMMANDS, "nwk": NWK_COMMANDS, "aps": APS_COMMANDS}[layer]
    number = int(kind[0])
    name = next((name for name, code in known.items() if code == number), f"command 0x{number:02x}")
    return hourly(layer, "", "", name, False), name


def _crowd(times: Times, span: float, most: float) -> slice | None:
    """Where within `span` seconds are the most of them, if these are more than `most`."""
    within = np.searchsorted(times, times + span) - np.arange(len(times))
    at = int(within.argmax())
    return slice(at, at + int(within[at])) if within[at] > most else None


def _beyond(view: View, crowd: Frame, name: str, span: float, most: float) -> Evidence:
    """What is told of one kind."""
    times = crowd["seconds"].to_numpy(dtype=float)
    every = float(times[-1] - times[0]) / max(len(crowd) - 1, 1)
    target = crowd["target"].iloc[0]
    to = "" if missing(target) else f" to {view.label(target)}"
    said = "an hour" if span == HOUR else f"{span:.0f} s"
    text = f"{len(crowd)} {name}{to} within {said}, one every {every:,.1f} s ({spread(crowd)})"
    return broken(Subject.device(crowd["origin"].iloc[0]), f"{text}; {most:.0f} are plenty", crowd["frame"])


def _again(seconds: Times, numbers: npt.NDArray[Any], known: Mask) -> Mask:
    """Whether a row is a retry, a hop or a copy of the one before: same NWK number within nine seconds."""
    order = np.flatnonzero(known)
    order = order[np.argsort(numbers[order], kind="stable")]
    out = np.zeros(len(seconds), dtype=bool)
    out[order[1:]] = (np.diff(numbers[order].astype(np.int64)) == 0) & (np.diff(seconds[order]) < 9.0)
    return out
