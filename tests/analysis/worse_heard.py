"""The same clean home as another sniffer hears it: some frames not at all, some damaged, a display that is carried about.

Nothing of it happens on the air: devices got every frame that the simulated medium gave them. So whatever a rule
says of the worse recording, and not of the good one, it says of the sniffer."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.engine.checking import check
from analysis.findings.model import CheckResult
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures import CapturedFrame, write_capture
from captures.block import FcsState
from captures.fcs import fcs16
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import captured

__all__ = ["Sniffer", "checked", "heard_worse"]

DATA = 0x01
SHORT_SOURCE = 2
METRES_OF_A_HOME = ((-48, 0), (-61, 3), (-70, 9), (-55, 5), (-80, 11))
"""Where a display is carried: what it is received at (dBm), and how far that scatters there."""


@dataclass(frozen=True, slots=True)
class Sniffer:
    """How badly a sniffer hears.

    Attributes:
        missed, damaged: shares of the frames that it does not hear, or hears with wrong octets.
        bursts: whether what is missed comes in runs of a few frames, as when a disk or a door stands in the way.
        carried: short addresses of devices that are carried about: their strength wanders from room to room.
    """

    missed: float = 0.05
    damaged: float = 0.01
    bursts: bool = False
    carried: frozenset[int] = frozenset()


def heard_worse(frames: Iterator[CapturedFrame], sniffer: Sniffer, seed: int) -> Iterator[CapturedFrame]:
    """`frames` as `sniffer` records them."""
    rng = random.Random(f"{seed}:worse")
    run = 0
    for frame in frames:
        if run:
            run -= 1
            continue
        if rng.random() < sniffer.missed / (3 if sniffer.bursts else 1):
            run = rng.randrange(5) if sniffer.bursts else 0
            continue
        moved = _carried(frame, sniffer.carried, seed, rng)
        yield _damaged(moved, rng) if rng.random() < sniffer.damaged else moved


def _damaged(frame: CapturedFrame, rng: random.Random) -> CapturedFrame:
    """Some octets of one stretch are others; the check sequence is that of what was sent."""
    octets = bytearray(frame.octets)
    start = rng.randrange(len(octets))
    for place in range(start, min(len(octets), start + rng.randrange(1, 6))):
        octets[place] ^= rng.randrange(1, 256)
    wrong = bytes(octets[-2:]) != fcs16(bytes(octets[:-2]))
    return replace(frame, octets=bytes(octets), fcs=FcsState.BAD if wrong else FcsState.GOOD)


def _carried(frame: CapturedFrame, who: frozenset[int], seed: int, rng: random.Random) -> CapturedFrame:
    control = int.from_bytes(frame.octets[:2], "little")
    if control & 7 != DATA or control >> 14 != SHORT_SOURCE or len(frame.octets) < 9:
        return frame
    if int.from_bytes(frame.octets[7:9], "little") not in who or frame.rssi is None:
        return frame
    room = random.Random(f"{seed}:{frame.time_ns // (1_200 * 10**9)}").choice(METRES_OF_A_HOME)
    return replace(frame, rssi=room[0] + rng.randint(-3 - room[1] // 3, 3 + room[1] // 3))


def checked(
    scenario: str, seed: int, sniffer: Sniffer, seconds: float | None = None, carried: tuple[str, ...] = ()
) -> CheckResult:
    """What the rules say of a clean `scenario` that `sniffer` heard; devices of the roles `carried` wander."""
    han = simulate(scenario, seed=seed, seconds=seconds)
    return checked_han(han, sniffer, seed, carried)


def checked_han(han: Any, sniffer: Sniffer, seed: int, carried: tuple[str, ...] = ()) -> CheckResult:
    """As `checked`, of a home that was played already."""
    wandering = frozenset(node.short for node in han.nodes if node.role in carried)
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = Path(folder) / "han.pcapng", Path(folder) / "keys.toml"
        names = {node.eui64: node.name for node in han.nodes}
        worse = heard_worse(captured(han), replace(sniffer, carried=wandering), seed)
        write_capture(capture, worse, names=names)
        keys.write_text(keys_text(han), encoding="utf-8")
        result = check(decode(str(capture), read_keys(keys)))
    assert not result.failures, result.failures
    return result
