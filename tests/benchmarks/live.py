"""What a live source costs, and how late it is told: ``python -m tests.benchmarks.live [--seconds N] [--speed N] [--seed N]
[--replay FRAMES] [--killed ROUNDS]``.

The simulated home is played at `speed` times its pace with ten faults in it, recorded, and watched as `hanscope watch
--record` does it. Printed: how long after a frame was heard it was decoded, and after the frame that completes it a finding
was raised (medians, 95 of 100, worst; wall clock, so that a machine that does something else says little); findings that
`check` gives of the recorded file and that were not standing live, or the other way round; processor time by wall time, of
this process and of the one that judges; resident memory of this one in each tenth of the run, and that of the last half by
that of the first. The frame that completes a finding is the last one of the shortest beginning of the recording of which
`check` gives it: what is missing is found by a frame that it does not name.

With `--replay` so many frames are watched through a pipe. With `--killed` a recording is killed so many times at any moment,
and the frames that had been shown are looked for in its file."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from analysis.cli.program import SINGLE_THREADED
from analysis.engine.checking import check_capture
from analysis.keys.homes import keys_of_home
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from analysis.live.watching import WatchSink
from analysis.pipeline.live import run_live
from analysis.pipeline.passes import DecodedBlock
from analysis.pipeline.source import ReopenableSource
from captures import FrameBlock
from captures.block import cut, joined
from captures.simulated.scenarios import simulate
from captures.sniffers.simulated import SimulatedSniffer
from dissectors import Key, Keyring
from tests.benchmarks.traffic import CASES, key, write_pcap

__all__ = ["FAULTS", "measure"]

FAULTS = (
    *("replay", "gbcs-tamper", "weak-link", "no-response", "leave-spoof", "counter-reset"),
    *("permit-join-open", "alert-storm", "reads-unanswered", "tunnels-left-open"),
)
PAGE = os.sysconf("SC_PAGE_SIZE")
OFTEN = 0.05
"""Seconds between two looks at memory: seldom enough, the highest of a saw that repeats every second is missed in one half."""
SOON = 1.0
"""Seconds within which a finding is to be raised."""
Name = tuple[str, str]


class Heard:
    """A sniffer that notes when each of its frames was heard."""

    def __init__(self, sniffer: SimulatedSniffer) -> None:
        self.sniffer, self.name = sniffer, sniffer.name
        self.times: list[float] = []

    def frames(self) -> Iterator[Any]:
        """As the sniffer gives them."""
        for frame in self.sniffer.frames():
            if frame is not None:
                self.times.append(time.monotonic())
            yield frame

    def close(self) -> None:
        """Stop."""
        self.sniffer.close()


class Raised(NamedTuple):
    """When a finding was raised first, how many frames had been decoded then, and the last that it named."""

    time: float
    frames: int
    last: int


class Timed(WatchSink):
    """Notes when frames were decoded, and findings raised."""

    def __init__(self, live: KeptFrames, heard: Heard) -> None:
        super().__init__(live, self.note)
        self.heard = heard
        self.frame_delays: list[float] = []
        self.raised: dict[Name, Raised] = {}
        self.standing: dict[Name, dict[str, Any]] = {}
        self.withdrawn: list[Name] = []

    def take(self, block: DecodedBlock) -> None:
        now = time.monotonic()
        self.frame_delays += [now - one for one in self.heard.times[self.frames : block.frames]]
        super().take(block)

    def note(self, event: dict[str, Any]) -> None:
        """An event was told."""
        if event["event"] != "finding":
            return
        key = (event["rule"], event["device"])
        if event["state"] == "withdrawn":
            self.standing.pop(key, None)
            self.withdrawn.append(key)
            return
        self.standing[key] = event
        self.raised.setdefault(key, Raised(time.monotonic(), self.frames, max(event["frames"], default=0)))


class Memory(threading.Thread):
    """Notes the resident memory of this process, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended, self.seen = threading.Event(), list[float]()

    def run(self) -> None:
        while True:
            self.seen.append(int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE / 2**20)
            if self.ended.wait(OFTEN):
                return


def completing(block: FrameBlock, ring: Keyring, rule: str, device: str, raised: Raised) -> int:
    """The last frame of the shortest beginning of a recording of which `check` gives a finding."""
    low, high = max(raised.last, 1), max(raised.frames, raised.last, 1)
    while low < high:
        middle = (low + high) // 2
        found = check_capture([cut(block, 0, middle)], ring, chosen=[rule]).result.findings
        if any(one.device == device for one in found):
            high = middle
        else:
            low = middle + 1
    return low


def delays(sink: Timed, block: FrameBlock, ring: Keyring) -> dict[Name, float]:
    """Seconds from when the frame that completes a finding was heard to when it was raised."""
    out = {}
    for (rule, device), raised in sink.raised.items():
        times = sink.heard.times
        out[rule, device] = raised.time - times[min(max(raised.last, 1), len(times)) - 1]
        if out[rule, device] > SOON:
            frame = completing(block, ring, rule, device, raised)
            out[rule, device] = raised.time - times[min(frame, len(times)) - 1]
    return out


def measure(place: str, speed: float, seed: int, seconds: float, record: Path | None) -> dict[str, Any]:
    """Play, watch, and compare with what `check` says of the file afterwards; of the frames that are kept without one
    (then how late findings were is not looked into)."""
    scenario, *faults = place.split("+")
    ring = keys_of_home(simulate(scenario, seed=seed, faults=faults, seconds=seconds))
    heard = Heard(SimulatedSniffer(place, speed, seed, seconds))
    live = KeptFrames(heard, record_to=record)
    sink = Timed(live, heard)
    sink.judge = LiveJudge()
    memory = Memory()
    memory.start()
    before, began = os.times(), time.monotonic()
    run_live(live, ring, sink)
    wall, after = time.monotonic() - began, os.times()
    memory.ended.set()
    with ReopenableSource(live.kept() if record is None else record) as source, source.open() as capture:
        block = joined(list(capture))
        checked = {(one.rule, one.device) for one in check_capture(source, ring).result.findings}
    late = {} if record is None else delays(sink, block, ring)
    return {
        "frames": len(heard.times), "not_shown": live.dropped, "wall_seconds": round(wall, 1),
        "processor_share": share(before, after, wall), "load": os.getloadavg()[0],
        "frame_delay": spread(sink.frame_delays), "finding_delay": spread([*late.values()]),
        "findings_late": sorted((round(one, 2), *key) for key, one in late.items() if one > SOON),
        "findings_live": len(sink.standing), "findings_checked": len(checked),
        "never_live": sorted(checked - set(sink.raised)), "not_standing": sorted(checked - set(sink.standing)),
        "only_live": sorted(set(sink.standing) - checked), "withdrawn": sorted(set(sink.withdrawn)),
        **grown(memory),
    }  # fmt: skip


def share(before: os.times_result, after: os.times_result, wall: float) -> dict[str, float]:
    """Processor time by wall time, of this process and of others that it began."""
    own = after.user + after.system - before.user - before.system
    others = after.children_user + after.children_system - before.children_user - before.children_system
    return {"own": round(own / wall, 2), "judging": round(others / wall, 2)}


def replay(frames: int, folder: Path) -> dict[str, Any]:
    """So many frames through a pipe, watched without rules: whether memory grows with what came before."""
    capture = folder / "long.pcap"
    write_pcap(capture, frames, CASES[0])
    ring = Keyring([Key("network", key(number)) for number in range(CASES[0].networks)])
    memory = Memory()
    with subprocess.Popen(["cat", str(capture)], stdout=subprocess.PIPE) as pipe:
        live = KeptFrames(pipe.stdout)
        memory.start()
        began = time.monotonic()
        last = run_live(live, ring, WatchSink(live, lambda event: None))
    memory.ended.set()
    return {
        "frames": last.session.frames,
        "wall_seconds": round(time.monotonic() - began, 1),
        **grown(memory),
    }


def killed(rounds: int, folder: Path, place: str, speed: float) -> dict[str, Any]:
    """A recording that is watched, killed at any moment: how many frames were shown, and how many of them its file lacks."""
    shown, kept, chance = [], [], random.Random(rounds)
    for number in range(rounds):
        record = folder / f"killed-{number}.pcapng"
        command = (
            sys.executable,
            "-m",
            "analysis.cli",
            "watch",
            f"simulate:{place}",
            "--speed",
            str(speed),
            "--jsonl",
        )
        with subprocess.Popen(
            (*command, "--record", str(record)), stdout=subprocess.PIPE, text=True
        ) as watch:
            frames = last_shown(watch, chance.randrange(20, 400))
        shown.append(frames)
        with ReopenableSource(record) as source, source.open() as capture:
            kept.append(sum(len(block) for block in capture))
    lacking = sum(max(0, one - other) for one, other in zip(shown, kept, strict=True))
    return {"rounds": rounds, "frames_shown": shown, "frames_in_file": kept, "shown_and_not_in_file": lacking}


def last_shown(watch: subprocess.Popen[str], frames: int) -> int:
    """Let frames be shown, kill the command, and read what it had said until then: the last frame that it told of."""
    seen, lines = 0, watch.stdout or ()
    for line in lines:
        event = json.loads(line) if line.endswith("}\n") else {}
        named = event.get("frames")
        told = [named] if isinstance(named, int) else named or []
        seen = max(seen, event.get("last_frame", 0), *told) if event.get("event") != "device" else seen
        if seen >= frames and watch.returncode is None:
            watch.send_signal(signal.SIGKILL)
            frames = sys.maxsize
    return int(seen)


def grown(memory: Memory) -> dict[str, Any]:
    """Resident memory in each tenth of a run, and the peak of its last half by that of its first."""
    half = len(memory.seen) // 2
    return {
        "memory_mib": [round(one) for one in memory.seen[:: max(1, len(memory.seen) // 10)]],
        "memory_growth": round(max(memory.seen[half:]) / max(memory.seen[:half]), 3) if half else None,
    }


def spread(delays: list[float]) -> dict[str, float] | None:
    """Median, 95 of 100, and worst, in seconds."""
    if not delays:
        return None
    ordered = sorted(delays)
    nearly = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {
        "median": round(statistics.median(ordered), 3),
        "p95": round(nearly, 3),
        "worst": round(ordered[-1], 3),
    }


def single_threaded(module: str) -> None:
    """Begin anew as the command begins, should it not have: a process with threads is not copied."""
    if any(name not in os.environ for name in SINGLE_THREADED):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], os.environ | SINGLE_THREADED)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", default="+".join(("ordinary-day", *FAULTS)))
    parser.add_argument("--speed", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600, help="of the simulated home's time")
    parser.add_argument("--replay", type=int, metavar="FRAMES", help="replay so many frames instead")
    parser.add_argument("--killed", type=int, metavar="ROUNDS", help="kill a recording so many times instead")
    single_threaded("tests.benchmarks.live")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.replay:
            print(json.dumps(replay(given.replay, Path(folder)), indent=1))
            return
        if given.killed:
            print(json.dumps(killed(given.killed, Path(folder), given.place, given.speed), indent=1))
            return
        told = measure(given.place, given.speed, given.seed, given.seconds, Path(folder) / "recorded.pcapng")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
