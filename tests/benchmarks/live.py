"""What a live source costs, and how late it is told: ``python -m tests.benchmarks.live [--seconds N] [--speed N] [--seed N]
[--replay FRAMES]``.

The simulated home is played at `speed` times its pace with ten faults in it, recorded, and watched as `hanscope watch
--record` does it. Printed: how long after a frame was heard it was decoded, and after its last frame a finding was raised
(medians, 95 of 100, worst; wall clock, so that a machine that does something else says little); findings that `check` gives
of the recorded file and that were not standing live, or the other way round; processor time by wall time; resident memory
in each tenth of the run, and that of the last half by that of the first."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.engine.checking import check_capture
from analysis.keys.homes import keys_of_home
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from analysis.live.watching import WatchSink
from analysis.pipeline.live import run_live
from analysis.pipeline.passes import DecodedBlock
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


class Timed(WatchSink):
    """Notes when frames were decoded, and findings raised."""

    def __init__(self, live: KeptFrames, heard: Heard) -> None:
        super().__init__(live, self.note)
        self.heard = heard
        self.frame_delays: list[float] = []
        self.finding_delays: dict[tuple[str, str], float] = {}
        self.standing: dict[tuple[str, str], dict[str, Any]] = {}
        self.ever: set[tuple[str, str]] = set()
        self.withdrawn: list[tuple[str, str]] = []

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
        self.ever.add(key)
        last = max(event["frames"], default=0)
        if event["state"] == "raised" and 0 < last <= len(self.heard.times):
            self.finding_delays.setdefault(key, time.monotonic() - self.heard.times[last - 1])


class Memory(threading.Thread):
    """Notes the resident memory of this process, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended, self.seen = threading.Event(), list[float]()

    def run(self) -> None:
        while not self.ended.wait(0.5):
            self.seen.append(int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE / 2**20)


def measure(place: str, speed: float, seed: int, seconds: float, record: Path | None) -> dict[str, Any]:
    """Play, watch, and compare with what `check` says of the file afterwards; of the frames that are kept without one."""
    scenario, *faults = place.split("+")
    ring = keys_of_home(simulate(scenario, seed=seed, faults=faults, seconds=seconds))
    heard = Heard(SimulatedSniffer(place, speed, seed, seconds))
    live = KeptFrames(heard, record_to=record)
    sink = Timed(live, heard)
    sink.judge = LiveJudge(
        lambda: (live.kept(), live.first),
        lambda: ring if sink.decode_pass is None else sink.decode_pass.session.context.keyring,
    )
    memory = Memory()
    memory.start()
    before, began = os.times(), time.monotonic()
    run_live(live, ring, sink)
    wall, after = time.monotonic() - began, os.times()
    memory.ended.set()
    checked = {
        (one.rule, one.device)
        for one in check_capture(live.kept() if record is None else record, ring).result.findings
    }
    return {
        "frames": len(heard.times), "not_shown": live.dropped, "wall_seconds": round(wall, 1),
        "processor_share": round((after.user + after.system - before.user - before.system) / wall, 2),
        "frame_delay": spread(sink.frame_delays), "finding_delay": spread([*sink.finding_delays.values()]),
        "findings_live": len(sink.standing), "findings_checked": len(checked),
        "never_live": sorted(checked - sink.ever), "not_standing": sorted(checked - set(sink.standing)),
        "only_live": sorted(set(sink.standing) - checked), "withdrawn": sorted(set(sink.withdrawn)),
        **grown(memory),
    }  # fmt: skip


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", default="+".join(("ordinary-day", *FAULTS)))
    parser.add_argument("--speed", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600, help="of the simulated home's time")
    parser.add_argument("--replay", type=int, metavar="FRAMES", help="replay so many frames instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.replay:
            print(json.dumps(replay(given.replay, Path(folder)), indent=1))
            return
        told = measure(given.place, given.speed, given.seed, given.seconds, Path(folder) / "recorded.pcapng")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
