"""Changes of level: found once, several times; never in chance, in constants, or in the time of day."""

import numpy as np
import pytest

from analysis.features.change_points import (
    change_point,
    change_points,
    lasting_changes,
    without_daily_rhythm,
)

DAY = 86_400.0


def noise(count: int, level: float = 0.0, scatter: float = 2.0, seed: int = 1) -> np.ndarray:
    return level + scatter * np.random.default_rng(seed).standard_normal(count)


def test_one_step_is_found_where_it_is() -> None:
    values = np.r_[noise(200, -60), noise(200, -80, seed=2)]
    place, before, after, gap = change_point(values, 30) or (0, 0.0, 0.0, 0.0)
    assert abs(place - 200) <= 10 and abs(before + 60) < 1 and abs(after + 80) < 1 and gap > 4


def test_several_steps_are_all_found() -> None:
    levels = (-60, -80, -58, -75)
    values = np.concatenate([noise(150, level, seed=n) for n, level in enumerate(levels)])
    found = change_points(values, 30, 12.0, 4.0)
    assert [round(place / 150) for place, _, _ in found] == [1, 2, 3]
    assert all(abs(b - a) > 10 for _, a, b in found)


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_change(seed: int) -> None:
    assert change_points(noise(3000, -60, 3.0, seed), 30, 12.0, 4.0) == []
    gaps = np.log(np.random.default_rng(seed).exponential(10.0, 3000))
    assert change_points(gaps, 12, np.log(4), 8.0) == []


def test_constants_and_few_values_are_no_change() -> None:
    assert (
        change_points(np.full(500, -60.0), 30, 12.0, 4.0) == []
        and change_points(noise(40), 30, 12.0, 4.0) == []
    )
    assert change_point(noise(20), 12) is None


def test_the_time_of_day_is_no_change() -> None:
    times = np.arange(0, 4 * DAY, 300.0)
    daily = np.where((times % DAY) > DAY / 2, -80.0, -60.0) + noise(len(times), 0.0, 1.0)
    assert change_points(daily, 30, 12.0, 4.0)
    assert change_points(without_daily_rhythm(daily, times), 30, 12.0, 4.0) == []
    one_day = daily[times < DAY]
    assert np.array_equal(without_daily_rhythm(one_day, times[times < DAY]), one_day)


def test_the_end_of_a_burst_that_does_not_last_is_no_change() -> None:
    gaps = np.log(np.r_[np.full(40, 120.0), np.full(7, 10.0), np.full(60, 120.0)] + np.arange(107) % 3 / 10)
    times = np.cumsum(np.exp(gaps))
    assert lasting_changes(gaps, times, (12, 12), (np.log(4.0), 8.0), 300.0)[0] == []
    slower = np.log(np.r_[np.full(60, 10.0), np.full(60, 120.0)] + np.arange(120) % 3 / 10)
    steps, grave = lasting_changes(slower, np.cumsum(np.exp(slower)), (12, 12), (np.log(4.0), 8.0), 300.0)
    assert grave and [place for place, _, _ in steps] == [60]
