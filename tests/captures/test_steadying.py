"""Time stamps that step: wraps, clocks that were set, zeros, damaged stamps; one warning, times that go on."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis.engine.checking import check_capture
from analysis.pipeline.source import ReopenableSource
from captures.block import NO_TIME
from captures.steadying import wrap
from tests.captures.builders import FRAMES, enhanced, interface, section, with_fcs

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
COUNT = 40


def read(stamps: list[int], tmp_path: Path, interfaces: int = 1) -> tuple[list[int], list[str]]:
    """Microseconds of the rows, -1 for none, and the warnings, of a capture with these stamps."""
    frames = with_fcs()
    path = tmp_path / "steps.pcapng"
    rows = (enhanced(frames[n % len(FRAMES)], stamp, n % interfaces) for n, stamp in enumerate(stamps))
    path.write_bytes(section() + interface(195) * interfaces + b"".join(rows))
    with ReopenableSource(path).open_merged() as capture:
        times = np.concatenate([block.time_ns for block in capture])
        return [-1 if t == NO_TIME else t // 1000 for t in times.tolist()], list(capture.warnings)


def steady(start: int = START) -> list[int]:
    return [start + n * 700_000 for n in range(COUNT)]


@pytest.mark.parametrize(
    "period", [2**32, 2**32 // 32, 2**32 * 1000], ids=["microseconds", "ticks of CC2531", "milliseconds"]
)
def test_a_counter_that_wraps(period: int, tmp_path: Path) -> None:
    stamps = [(period - 10 * SECOND + n * 700_000) % period for n in range(COUNT)]
    times, (warning,) = read(stamps, tmp_path)
    assert [b - a for a, b in pairwise(times)] == [700_000] * (COUNT - 1)
    assert "frame 16 " in warning
    assert "wraps" in warning


@pytest.mark.parametrize("step", [-3_600, -5, -86_400 * 400, 86_400 * 400, 86_400 * 365 * 53])
def test_a_clock_that_is_set(step: int, tmp_path: Path) -> None:
    stamps = [t + step * SECOND * (n >= 20) for n, t in enumerate(steady())]
    times, (warning,) = read(stamps, tmp_path)
    assert times[:20] == stamps[:20]
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps == [700_000] * 19 + [0] + [700_000] * 19
    assert "frame 21 " in warning
    assert ("forward" if step > 0 else "back") in warning


def test_several_steps_are_one_warning(tmp_path: Path) -> None:
    stamps = [t - (n // 4) * 100 * SECOND for n, t in enumerate(steady())]
    times, warnings = read(stamps, tmp_path)
    assert times == sorted(times)
    assert len(warnings) == 1
    assert "and 4 more" in warnings[0]


@pytest.mark.parametrize("zeros", [{0}, {7}, {7, 8, 20}, {COUNT - 1}])
@pytest.mark.parametrize("value", [0, 999_999 * 3600 * SECOND])
def test_stamps_that_are_missing_or_damaged(zeros: set[int], value: int, tmp_path: Path) -> None:
    if value and zeros != {7} and zeros != {7, 8, 20}:
        pytest.skip("what follows is needed to tell damage from a clock that is set")
    stamps = [value if n in zeros else t for n, t in enumerate(steady())]
    times, (warning,) = read(stamps, tmp_path)
    assert times == [-1 if n in zeros else t for n, t in enumerate(steady())]
    assert f"frame {min(zeros) + 1}" in warning


def test_no_stamps_at_all(tmp_path: Path) -> None:
    times, (warning,) = read([0] * 9, tmp_path)
    assert times == [-1] * 9
    assert "no usable time stamp" in warning


@pytest.mark.parametrize(
    "stamps",
    [
        steady(),
        steady(0),
        [t + 86_400 * 30 * SECOND * (n >= 20) for n, t in enumerate(steady())],
        [t - 200_000 * (n % 2) for n, t in enumerate(steady())],
        [START] * COUNT,
    ],
    ids=["steady", "from zero", "a month of silence", "a little out of order", "all alike"],
)
def test_times_that_stay(stamps: list[int], tmp_path: Path) -> None:
    assert read(stamps, tmp_path) == (stamps, [])


def test_each_interface_has_its_clock(tmp_path: Path) -> None:
    stamps = [t - 50_000 * SECOND * (n % 2) for n, t in enumerate(steady())]
    assert read(stamps, tmp_path, 2) == (stamps, [])


def test_wraps_are_known_by_what_is_left() -> None:
    assert wrap(-(2**32) * 1000 + 5) == (5, "2^32 microseconds")
    assert wrap(-(2**32) * 10**9 + 5) == (5, "2^32 seconds")
    assert wrap(-2000 * 10**9) is None


def test_the_check_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read([(2**32 - 10 * SECOND + n * 700_000) % 2**32 for n in range(COUNT)], tmp_path)
    checked = check_capture(tmp_path / "steps.pcapng")
    assert len(checked.reading.facts.warnings) == 1
    assert capsys.readouterr().err == ""
