"""How far each device came that joined in the capture (`steps.csv`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from analysis.features.completeness import completeness
from analysis.features.judging import mask
from analysis.features.presence import heard_rows
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rule
from dissectors.layout import rows_in

COLUMNS = (
    "kind",
    "name",
    "initiator",
    "responder",
    "outcome",
    "status",
    "start",
    "first_frame",
    "last_frame",
)
ANSWER_FRAMES = 3  # on the air, of most answers
BAD = ("refused", "failed", "unanswered")


class Step(NamedTuple):
    """One step of an installation; `within` are the seconds after joining by which it must have come."""

    role: str
    step: int
    what: str
    kind: str
    name: str
    side: str
    within: float | None
    check: str
    source: str


@cache
def steps() -> tuple[Step, ...]:
    """`steps.csv`, in order."""
    return tuple(
        Step(
            row["role"], int(row["step"]), row["what"], row["kind"], row["name"], row["side"],
            float(row["within"]) if row["within"] else None, row["check"], row["source"],
        )
        for row in rows_in("analysis.rules.commissioning", "steps")
    )  # fmt: skip


def steps_of(role: str | None) -> list[Step]:
    """The steps of a device of a role; those of all where it is not known."""
    return [one for one in steps() if one.role in ("*", role)]


@rule(
    "installation-step",
    "An installation stopped at a step",
    finds="""For each device that joins in the capture, the steps that follow by its role: link key, time, tunnel, clock
    (8.1.1), credentials, tariff, mirror, readings, joining with other devices. Told is a step that was tried and failed
    or was not answered and was not carried out later, and a step that must come and did not within its time.""",
    matters="A device that stopped half way works in part: it joins, and shows nothing or sends nothing.",
    example="""Electricity meter (90b3d5fffe0000a0): step 5 of 9 (clock and commissioning, ECS70) refused; done before:
    joining, link key, time, tunnel; to check: clock of the hub, WAN; send 8.1.1 again""",
    source="installation steps by role (analysis/rules/commissioning/steps.csv, source of each)",
    advice="Mend what the step needs and go on from there; what came before need not be done again",
    family="anomaly", area="commissioning", severity="warning", confidence="secondary", cause="join attack", hearing=True,
    needs=("packets", "exchanges"), smart_energy=True, requires="a device that joins, and what follows",
    broken_by="ordinary-day --fault join-without-link-key --seconds 3600", kept_by="install-day --seconds 2400",
)  # fmt: skip
def installation_step(view: View) -> Iterator[Evidence]:
    """One verdict for each device that joined."""
    rows = view.exchanges
    rows = rows[mask(rows["outcome"].notna()) & mask(rows["initiator"].notna())][list(COLUMNS)]
    joins = rows[mask(rows["kind"] == "join") & mask(rows["outcome"] == "ok")]
    for device, part in joins.groupby("initiator", sort=False):
        last = part.iloc[-1]
        own = rows[
            (mask(rows["initiator"] == device) | mask(rows["responder"] == device))
            & mask(rows["start"] >= last["start"])
        ]
        yield _judged(view, int(device), int(last["last_frame"]), own)


def _judged(view: View, device: int, joined: int, own: Frame) -> Evidence:
    chain, air = steps_of(view.roles.get(device)), completeness(view)
    done: list[str] = []
    reached = 0
    bad: list[tuple[Step, str, list[int]]] = []
    for one in chain:
        tried = _tried(view, one, device, joined, own)
        if tried is None:
            if one.within is not None and _seconds_since(view, joined) > one.within:
                bad.append((one, f"did not come within {one.within / 60:,.0f} min", [joined]))
        elif tried[0]:
            done.append(one.what)
            reached = one.step
        else:
            bad.append((one, tried[1], tried[2]))
    bad = [entry for entry in bad if not _shown_later(entry, reached)]
    subject = Subject.device(device)
    if not bad:
        return kept(subject, f"went through {', '.join(done)}")
    first, how, frames = bad[0]
    name = f"{first.what}, {first.name}" if first.kind == "gbcs" else first.what
    text = f"step {first.step} of {len(chain)} ({name}) {how}; done: {', '.join(done) or 'nothing'}"
    more = f"; also {', '.join(f'{one.what} {how}' for one, how, _ in bad[1:3])}" if len(bad) > 1 else ""
    # Of an answer that the sniffer may have missed nothing is proved; a refusal was heard.
    unheard = all(how.startswith("unanswered") for _, how, _ in bad) and air.may_explain(
        device, 1, 1, ANSWER_FRAMES
    )
    perhaps = (
        f"; the sniffer missed about {air.missed(device):.0%} of its frames, perhaps the answer too"
        if unheard
        else ""
    )
    heard = heard_rows(view)
    if not (mask(heard["sender"] == device) & mask(heard["frame"] > joined)).any():
        text += "; nothing was heard of it since it joined"
    severity = "info" if unheard else "warning"
    return broken(subject, f"{text}{more}{perhaps}; to check: {first.check}", frames, severity)


def _shown_later(entry: tuple[Step, str, list[int]], reached: int) -> bool:
    """Whether a request (of a tunnel, a mirror, the time) must have been answered: what needs it came later."""
    step, how, _ = entry
    return step.kind == "zcl" and how.startswith("unanswered") and reached > step.step


def _tried(view: View, one: Step, device: int, joined: int, own: Frame) -> tuple[bool, str, list[int]] | None:
    """Whether a step was carried out, how it ended otherwise, and its frames; None where nobody tried it."""
    if one.kind == "link":
        return (True, "", []) if _under_link_key(view, device, joined) else None
    rows = own[mask(own["kind"] == one.kind) & mask(own["name"].astype(str).str.fullmatch(one.name))]
    if one.side != "either":
        rows = rows[mask(rows[one.side] == device)]
    if rows.empty:
        return None
    if mask(rows["outcome"].isin(("ok", "running"))).any():
        return True, "", []
    failed = rows[mask(rows["outcome"].isin(BAD))]
    if failed.empty:
        return None
    last: Any = failed.iloc[-1]
    status = f" ({last['status']})" if isinstance(last["status"], str) else ""
    frames = [*map(int, failed["first_frame"]), *map(int, failed["last_frame"])]
    return False, f"{last['outcome']}{status}", sorted(set(frames))


def _under_link_key(view: View, device: int, joined: int) -> bool:
    """Whether the device itself sent data under a link key once it had joined: what is sent to it proves nothing."""
    rows = view.good.only(aps_key_id="link", aps_type="data")
    return bool((mask(rows["origin"] == device) & mask(rows["frame"] > joined)).any())


def _seconds_since(view: View, frame: int) -> float:
    rows = view.packets.only(frame=frame)
    return view.duration - float(rows["seconds"].iloc[0]) if len(rows) else 0.0
