"""Commands that read the same capture: ours in its several forms, and the rivals. Each is a whole process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.task import TABLES

__all__ = ["Command", "Paired", "Run", "ours", "paired", "pyshark", "run", "scapy", "tshark"]

HERE = Path(__file__).parent
FIELDS = (
    "frame.number frame.time_epoch wpan.frame_type wpan.seq_no wpan.dst_pan wpan.dst16 wpan.dst64 "
    "wpan.src_pan wpan.src16 wpan.src64 wpan.fcs_ok wpan.cmd zbee_nwk.frame_type zbee_nwk.dst "
    "zbee_nwk.src zbee_nwk.radius zbee_nwk.seqno zbee_nwk.dst64 zbee_nwk.src64 zbee_nwk.cmd.id "
    "zbee.sec.key_id zbee.sec.counter zbee.sec.src64 zbee.sec.key_seqno zbee.sec.decryption_key "
    "zbee_aps.type zbee_aps.dst zbee_aps.cluster zbee_aps.profile zbee_aps.src zbee_aps.counter "
    "zbee_aps.security zbee_zcl.type zbee_zcl.dir zbee_zcl.cmd.tsn zbee_zcl.cmd.id "
    "zbee_zcl.cs.cmd.id zbee_zcl_se.price.cmd.srv_rx.id zbee_zcl_se.met.attr_id "
    "zbee_zcl.attr.status zbee_zcl.attr.data.type zbee_zcl.attr.bitmap8 zbee_zcl.attr.uint8 "
    "zbee_zcl.attr.uint24 zbee_zcl.attr.uint48 zbee_zcl.attr.int24"
)
"""The columns of `packets` as tshark calls them."""


FORMATS = frozenset({"parquet", "csv", "jsonl", "arrow"})


@dataclass(frozen=True)
class Command:
    """One contender: its name, its arguments, and the environment that it needs."""

    name: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Run:
    """What one run took: seconds on the wall, seconds of processor, peak memory of the process in MiB."""

    wall: float
    cpu: float
    peak: float
    output: str


@dataclass(frozen=True)
class Paired:
    """Runs A B A B: the median ratio of their wall times (how many times faster A is), and its range.

    `work` is the median ratio of processor times, which says more on a machine that is busy with other things.
    """

    ratio: float
    low: float
    high: float
    work: float
    a: Run
    b: Run


def run(command: Command, *, keep: bool = False) -> Run:
    """Run `command` to its end; its output is thrown away (through a pipe) unless `keep`.

    Raises:
        RuntimeError: it failed.
    """
    started = time.perf_counter()
    environment = os.environ | dict(command.environment)
    with subprocess.Popen(
        command.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as p:
        assert p.stdout is not None and p.stderr is not None
        kept = b""
        while chunk := p.stdout.read(1 << 16):
            kept = kept + chunk if keep else b""
        complaint = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        wall = time.perf_counter() - started
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise RuntimeError(f"{command.name} failed: {complaint.decode(errors='replace')[-800:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, kept.decode(errors="replace"))


def paired(a: Command, b: Command, rounds: int) -> Paired:
    """Both commands `rounds` times in turn; the noise of the machine meets both alike."""
    runs = [(run(a), run(b)) for _ in range(rounds)]
    ratios = sorted(y.wall / x.wall for x, y in runs)
    middle_a, middle_b = (sorted(side, key=lambda r: r.wall)[rounds // 2] for side in zip(*runs, strict=True))
    work = median(y.cpu / x.cpu for x, y in runs)
    return Paired(median(ratios), ratios[0], ratios[-1], work, middle_a, middle_b)


def ours(form: str, capture: Path, keys: Path, frames: int = 0) -> Command:
    """Our own process: for a file format the command, which writes `packets` and `attributes`, or (``-all``) all
    tables, into a folder beside the capture; else a form of `tests.benchmarks.task`."""
    format_, _, every = form.partition("-")
    if format_ in FORMATS:
        out = str(capture.with_suffix(f".{form}"))
        tables = [] if every else [word for name in TABLES for word in ("--table", name)]
        words = ("decode", str(capture), "--keys", str(keys), "--out", out, "--format", format_, *tables)
        return Command(f"hanscope {form}", (sys.executable, "-m", "analysis.cli", *words))
    arguments = (sys.executable, "-m", "tests.benchmarks.task", form, str(capture), str(keys), str(frames))
    return Command(f"hanscope {form}", arguments, (("OPENBLAS_NUM_THREADS", "1"),))


def tshark(capture: Path, configuration: Path, fields: str = FIELDS) -> Command | None:
    """``tshark -T fields`` with the columns of `packets`; None where there is no tshark."""
    program = shutil.which("tshark")
    if program is None:
        return None
    wanted = [word for name in fields.split() for word in ("-e", name)]
    environment = (("WIRESHARK_CONFIG_DIR", str(configuration)),)
    return Command("tshark -T fields", (program, "-r", str(capture), "-T", "fields", *wanted), environment)


def scapy(capture: Path, keys: Path, frames: int) -> Command:
    """Scapy's own ZigBee layers over the first `frames` frames (it decrypts nothing)."""
    return Command("scapy", ours("scapy", capture, keys, frames).arguments)


def pyshark(capture: Path, keys: Path, frames: int, configuration: Path) -> Command:
    """pyshark over the first `frames` frames."""
    arguments = ours("pyshark", capture, keys, frames).arguments
    return Command("pyshark", arguments, (("WIRESHARK_CONFIG_DIR", str(configuration)),))
