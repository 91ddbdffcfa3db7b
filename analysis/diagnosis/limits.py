"""What was looked at, in numbers, and what a capture cannot tell, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from analysis.diagnosis.looked import Looked
from analysis.diagnosis.model import DeviceDiagnosis
from analysis.diagnosis.spans import time_span
from analysis.diagnosis.steps import roles
from analysis.engine.checking import Checked
from analysis.features.shut import shut_lines
from analysis.tables.python_values import iso_time

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["limits", "looked_at"]

SUB_GHZ = range(28, 32)
"""Channel pages of 863 to 876 and 915 to 921 MHz (ZSE 1.4, GBCS 10.6.2)."""
NOTHING_MISSED = 0.001
LOST_NAMED = 3


def looked_at(checked: Checked, looked: Looked, exchanges: pd.DataFrame, devices: int) -> dict[str, Any]:
    """Numbers by name: frames, time, devices, exchanges by outcome, messages, rules, what the sniffer missed."""
    result, session = checked.result, checked.reading.session
    outcomes = {str(name): int(count) for name, count in exchanges["outcome"].value_counts().items()}
    return {
        "frames": session.frames,
        "damaged": looked.damaged,
        "start": iso_time(looked.start_ns),
        "seconds": round(looked.duration, 3),
        "channels": [{"page": page, "channel": channel} for page, channel in sorted(looked.channels)],
        "devices": devices,
        "exchanges": outcomes,
        "commands": int((exchanges["kind"] == "gbcs").sum()),
        "rules": len(result.rules),
        "rules_judged": len({one.rule for one in result.verdicts if one.state != "not seen"}),
        "missed_share": round(looked.share, 4),
    }


def limits(checked: Checked, looked: Looked, devices: Sequence[DeviceDiagnosis]) -> list[str]:
    """What the capture cannot tell: a sentence each."""
    return list(_limits(checked, looked, devices))


def _limits(checked: Checked, looked: Looked, devices: Sequence[DeviceDiagnosis]) -> Iterator[str]:
    gone = checked.reading.facts.lost
    for lost in gone[:LOST_NAMED]:
        yield f"A part of the capture cannot be read: offset 0x{lost.offset:x}: {lost.text}"
    if len(gone) > LOST_NAMED:
        yield f"{len(gone) - LOST_NAMED} more parts of it cannot be read"
    for line in shut_lines(checked.result.shut, 3):
        yield f"What stays shut is not known: {line}"
    if looked.share >= NOTHING_MISSED:
        yield (
            f"The sniffer missed about {looked.share:.1%} of the frames; what it may have missed is called not seen, "
            "not failed"
        )
    if looked.damaged:
        yield f"{looked.damaged:,} of {looked.frames:,} frames are damaged"
    unheard = [str(one.device) for one in devices if not one.heard]
    if unheard:
        yield f"Never heard: {', '.join(unheard)}"
    yield from _times(looked, devices)
    if looked.channels and not any(page in SUB_GHZ for page, _ in looked.channels):
        listened = ", ".join(str(channel) for _, channel in sorted(looked.channels))
        yield f"Only channel {listened} was heard: nothing is known of other channels, nor of 868 MHz"


def _times(looked: Looked, given: Sequence[DeviceDiagnosis]) -> Iterator[str]:
    devices = [one for one in given if one.device.role in roles()]
    before = [one.device.role for one in devices if one.heard and _joined_before(one)]
    if before:
        yield f"It does not hold how these joined: {', '.join(before)}"
    rare = dict.fromkeys(
        f"{step.step.title} ({one.device.role})"
        for one in devices
        if one.heard
        for step in one.steps
        if step.state == "not seen" and step.step.every > looked.duration
    )
    if rare:
        yield f"It lasts {time_span(looked.duration)}; this comes more rarely and was not seen: {'; '.join(rare)}"


def _joined_before(one: DeviceDiagnosis) -> bool:
    return any(
        step.step.step == "association" and step.state in ("implied", "not seen") for step in one.steps
    )
