"""Two captures side by side: what a good unit does and a faulty one does not, and where they part.

Strategy: a capture is reduced to steps, what one device said to another, without addresses, counters,
repetitions and what every device does all the time. The devices of the two captures are matched by name, role
or order of joining. Then each conversation of the one is aligned with the same conversation of the other: joins and
exchanges as sequences, answer times and periods as medians.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from functools import cache
from math import nan
from statistics import median
from typing import Any

import pandas as pd

from analysis.pipeline.decode import Decoded

__all__ = ["TABLES", "Comparison", "Divergence", "Timing", "compare", "steps"]

TABLES = ("packets", "devices")
"""Tables that a comparison reads."""
SHORT_DIGITS = 4
ROUTINE = {"Ack", "Data Request", "Link Status", "APS ack", "Route Record", "Many-to-One Route Request"}
"""Summaries that say nothing about how an exchange went."""

LONGEST = 4_000
"""Steps of a conversation that are aligned: a day of pushes says no more than its first hours."""

CHANGED = 2.0
"""Factor by which a median must change to be named."""

FEWEST = 4
"""Events that make a median worth naming."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a conversation takes another course.

    Attributes:
        conversation: the two devices.
        kind: ``missing`` (only in the good capture), ``extra`` (only in the faulty one), ``instead``.
        good, faulty: the steps in question, in words; empty for none.
        good_frame, faulty_frame: where they stand; the last common step when there is none.
        after: the last step that both have.
        seconds: since the conversation's first step in the faulty capture (the good one, when it ends there).
    """

    conversation: str
    kind: str
    good: list[str]
    faulty: list[str]
    good_frame: int | None
    faulty_frame: int | None
    after: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Timing:
    """A median that changed: ``period`` of a step, or ``answer`` time to it, in seconds."""

    conversation: str
    kind: str
    step: str
    good: float
    faulty: float


@dataclass(slots=True)
class Comparison:
    """What two captures have in common and where they differ.

    Attributes:
        matched: pairs of devices, as named in each capture.
        only_good, only_faulty: devices without a counterpart.
        divergences: in the order of time in the faulty capture; the first is the one to look at.
        same: steps that are alike.
    """

    good: str
    faulty: str
    matched: list[tuple[str, str]] = field(default_factory=list)
    only_good: list[str] = field(default_factory=list)
    only_faulty: list[str] = field(default_factory=list)
    divergences: list[Divergence] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    same: int = 0

    @property
    def first(self) -> Divergence | None:
        """The first divergence."""
        return self.divergences[0] if self.divergences else None

    def to_json(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self)}


def steps(decoded: Decoded) -> pd.DataFrame:
    """The steps of a capture: frame, seconds, actor, peer (hex digits), step (text).

    Actors are EUI-64s where known, else short addresses. Retries of a frame count once.
    """
    wanted = [
        "frame", "time", "mac_type", "mac_seq", "mac_src", "mac_dst", "nwk_src", "nwk_dst", "nwk_seq",
        "nwk_src_eui64", "nwk_dst_eui64", "summary", "zcl_status", "fcs_ok",
    ]  # fmt: skip
    rows = decoded.packets[wanted]
    talk = rows[
        rows["mac_type"].isin(["data", "command"]).fillna(False).astype(bool)
        & ~rows["summary"].isin(list(ROUTINE)).fillna(False).astype(bool)
        & (rows["fcs_ok"].fillna(True)).astype(bool)
    ]
    out = pd.DataFrame(
        {
            "frame": talk["frame"].astype("int64"),
            "seconds": _seconds(talk["time"]),
            "actor": _address(talk, "src"),
            "peer": _address(talk, "dst"),
            "step": talk["summary"].astype(object).fillna("?").astype(str),
        }
    )
    failed = talk["zcl_status"].fillna(0).astype("int64")
    out["step"] = [
        f"{text} (status 0x{s:02x})" if s else text for text, s in zip(out["step"], failed, strict=True)
    ]
    same = ["actor", "peer", "step", "seq", "mac"]
    keyed = out.assign(
        seq=talk["nwk_seq"].astype("Int64").fillna(-1), mac=talk["mac_seq"].astype("Int64").fillna(-1)
    )
    gap = keyed.groupby(same, sort=False)["seconds"].diff()
    return out[~(gap < 2.0)].reset_index(drop=True)


def _seconds(time: Any) -> Any:
    number = time.astype("int64")
    return (number - int(number.iloc[0])) / 1e9 if len(number) else number.astype("float64")


def _address(rows: pd.DataFrame, side: str) -> Any:
    """Extended address where known, else the NWK address, else that of the MAC header."""
    told = rows[["nwk_src", "nwk_src_eui64"]].dropna().drop_duplicates("nwk_src", keep="last")
    wide = dict(zip(told["nwk_src"].tolist(), told["nwk_src_eui64"].tolist(), strict=True))
    found = rows[f"nwk_{side}_eui64"].fillna(rows[f"nwk_{side}"]).fillna(rows[f"mac_{side}"])
    return pd.Series([wide.get(a, a) for a in found.astype(object)], index=rows.index, dtype=object)


def compare(good: Decoded, faulty: Decoded) -> Comparison:
    """Align two captures, device by device and exchange by exchange."""
    out = Comparison(good.capture, faulty.capture)
    theirs = [steps(good), steps(faulty)]
    labels = _match(good, faulty, theirs, out)
    parts = [_conversations(rows, named) for rows, named in zip(theirs, labels, strict=True)]
    for conversation in parts[0]:
        if conversation in parts[1]:
            _align(conversation, parts[0][conversation], parts[1][conversation], out)
            out.timings.extend(_timings(conversation, parts[0][conversation], parts[1][conversation]))
    out.divergences.extend(_silences(parts))
    out.divergences.sort(key=lambda d: (d.faulty_frame is None, d.faulty_frame or d.good_frame or 0))
    return out


def _match(
    good: Decoded, faulty: Decoded, theirs: list[pd.DataFrame], out: Comparison
) -> list[dict[Any, str]]:
    """A label for every address of each capture; devices that are each other's counterpart share theirs."""
    known = [_devices(one, rows) for one, rows in zip((good, faulty), theirs, strict=True)]
    labels: list[dict[Any, str]] = [{}, {}]
    left = [dict(known[0]), dict(known[1])]
    for attribute in ("eui64", "name", "role", "order"):
        for address, facts in list(left[0].items()):
            value = facts[attribute]
            hits = [a for a, f in left[1].items() if value is not None and f[attribute] == value]
            alone = sum(f[attribute] == value for f in left[0].values()) == 1
            if len(hits) == 1 and alone:
                label = facts["name"] or facts["label"]
                labels[0][address] = labels[1][hits[0]] = label
                out.matched.append((facts["label"], left[1][hits[0]]["label"]))
                del left[0][address], left[1][hits[0]]
    out.only_good = [f["label"] for f in left[0].values()]
    out.only_faulty = [f["label"] for f in left[1].values()]
    for number in (0, 1):
        labels[number] |= {address: facts["label"] for address, facts in left[number].items()}
    return labels


def _devices(decoded: Decoded, rows: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    """What is known of each address that takes steps, in the order of appearance."""
    found: dict[Any, dict[str, Any]] = {}
    table = decoded.devices
    facts = {
        row["eui64"]: row
        for row in table[["eui64", "name", "role"]].to_dict("records")
        if not pd.isna(row["eui64"])
    }
    for order, address in enumerate(pd.unique(rows["actor"].dropna())):
        row = facts.get(address, {})
        name = row.get("name") if isinstance(row.get("name"), str) and row.get("name") else None
        role = row.get("role") if isinstance(row.get("role"), str) else None
        text = address if len(address) > SHORT_DIGITS else f"0x{address}"
        found[address] = {
            "eui64": address, "name": name, "role": role, "order": order,
            "label": f"{name} ({text})" if name else text,
        }  # fmt: skip
    return found


def _conversations(rows: pd.DataFrame, labels: dict[Any, str]) -> dict[str, pd.DataFrame]:
    """Steps by pair of devices, each step saying who spoke."""
    known = cache(lambda address: labels.get(address) or _broadcast(address))  # few stand behind many steps
    pair = cache(lambda one, other: " and ".join(sorted((one, other))))
    actors, peers = (list(map(known, rows[end].tolist())) for end in ("actor", "peer"))
    named = rows.assign(who=actors, pair=list(map(pair, actors, peers)))
    return {str(pair): part for pair, part in named.groupby("pair", sort=False)}


def _broadcast(address: Any) -> str:
    if address is None or pd.isna(address):
        return "nobody"
    return "all" if 0xFFF8 <= int(address, 16) <= 0xFFFF else f"0x{int(address, 16):04x}"


def _align(conversation: str, good: pd.DataFrame, faulty: pd.DataFrame, out: Comparison) -> None:
    """Compare two courses of one conversation; runs of one step count once."""
    ours, theirs = _course(good), _course(faulty)
    first = [token for token, _, _ in ours]
    second = [token for token, _, _ in theirs]
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    last = "the beginning"
    for kind, i, j, k, l in matcher.get_opcodes():  # noqa: E741 - difflib's order
        if kind == "equal":
            out.same += j - i
            last = first[j - 1]
            continue
        if kind == "insert" and i == len(first) and len(first) >= LONGEST:
            continue
        where = theirs[k] if k < len(theirs) else None
        origin = ours[i] if i < len(ours) else None
        at = where or origin
        out.divergences.append(
            Divergence(
                conversation,
                {"delete": "missing", "insert": "extra", "replace": "instead"}[kind],
                first[i:j][:6],
                second[k:l][:6],
                origin[1] if origin else None,
                where[1] if where else None,
                last,
                round(at[2], 3) if at else 0.0,
            )
        )


def _course(rows: pd.DataFrame) -> list[tuple[str, int, float]]:
    """(step in words, frame, seconds since the first), without the repetitions of a step in a row."""
    course: list[tuple[str, int, float]] = []
    start = float(rows["seconds"].iloc[0])
    seen: set[str] = set()
    for who, step, frame, seconds in zip(
        rows["who"], rows["step"], rows["frame"], rows["seconds"], strict=True
    ):
        token = f"{who}: {step}"
        # An exchange that recurs all day is a course of its own: its period is compared, not its place.
        if token in seen and len(course) > 200:
            continue
        if not course or course[-1][0] != token:
            course.append((token, int(frame), float(seconds) - start))
        seen.add(token)
        if len(course) >= LONGEST:
            break
    return course


def _silences(parts: list[dict[str, pd.DataFrame]]) -> Iterator[Divergence]:
    """Conversations that only one capture has."""
    for number, kind in ((0, "missing"), (1, "extra")):
        for conversation in parts[number].keys() - parts[1 - number].keys():
            rows = parts[number][conversation]
            course = [f"{w}: {s}" for w, s in zip(rows["who"].head(4), rows["step"].head(4), strict=True)]
            frame = int(rows["frame"].iloc[0])
            yield Divergence(
                conversation,
                kind,
                course if number == 0 else [],
                course if number == 1 else [],
                frame if number == 0 else None,
                frame if number == 1 else None,
                "the beginning",
                0.0,
            )


def _timings(conversation: str, good: pd.DataFrame, faulty: pd.DataFrame) -> Iterator[Timing]:
    """Periods and answer times whose median changed by more than `CHANGED`."""
    for kind, measure in (("period", _periods), ("answer", _answers)):
        before, after = measure(good), measure(faulty)
        for step in (one for one in before if one in after):
            if min(len(before[step]), len(after[step])) < FEWEST:
                continue
            one, other = median(before[step]), median(after[step])
            if (
                min(one, other) > 0
                and max(one, other) / min(one, other) > CHANGED
                and abs(one - other) > 0.05
            ):
                yield Timing(conversation, kind, step, round(one, 3), round(other, 3))


def _periods(rows: pd.DataFrame) -> dict[str, list[float]]:
    """Seconds from a step of a device to the next one alike."""
    found: dict[tuple[str, str], list[float]] = {}
    last: dict[tuple[str, str], float] = {}
    for who, step, seconds in zip(*(rows[name].tolist() for name in ("who", "step", "seconds")), strict=True):
        gaps = found.setdefault((who, step), [])
        gap = seconds - last.get((who, step), nan)
        if gap == gap:  # both times are known
            gaps.append(gap)
        last[who, step] = seconds
    return {f"{who}: {step}": gaps for (who, step), gaps in found.items()}


def _answers(rows: pd.DataFrame) -> dict[str, list[float]]:
    """Seconds from a step to the next one that the other device takes."""
    found: dict[str, list[float]] = {}
    who, step, seconds = rows["who"].tolist(), rows["step"].tolist(), rows["seconds"].tolist()
    for n in range(len(who) - 1):
        if who[n] != who[n + 1] and seconds[n + 1] - seconds[n] < 10:
            found.setdefault(f"{who[n]}: {step[n]}", []).append(seconds[n + 1] - seconds[n])
    return found
