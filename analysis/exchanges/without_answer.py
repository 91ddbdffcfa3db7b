"""Requests that no answer is due to, although their command has one: what they say decides (`without_answer.csv`)."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.exchanges.answers import CLUSTER, ZDP, code_of
from analysis.exchanges.desk import Scene
from dissectors.layout import rows_in
from dissectors.zcl import catalogue
from dissectors.zigbee import zdp_names

__all__ = ["without_answer"]


class _Row(NamedTuple):
    """The field that decides (none: the command alone), and from which to which number no answer is due."""

    field: str
    low: int
    high: int


@cache
def _rows() -> dict[int, _Row]:
    """The table, by code of the command."""
    out = {}
    for row in rows_in("analysis.exchanges", "without_answer"):
        low, _, high = row["numbers"].partition("-")
        out[_code(row)] = _Row(row["field"], int(low or 0), int(high or low or 0))
    return out


def _code(row: dict[str, str]) -> int:
    """The code of a row's command. Raises StopIteration: the dissectors' tables have none of that name."""
    if row["layer"] == "zdp":
        return code_of(
            ZDP, False, next(number for number, name in zdp_names().items() if name == row["command"]), 0
        )
    cluster = next(one.id for one in catalogue.clusters() if one.name == row["cluster"])
    known = catalogue.commands_of(cluster)
    command = next(
        one.id for one in known if one.name == row["command"] and one.direction == row["direction"]
    )
    return code_of(CLUSTER, row["direction"] == "to-client", cluster, command)


def without_answer(
    scene: Scene, codes: npt.NDArray[np.int64], heads: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which of some commands await no answer, by their codes and the rows that tell them."""
    out = np.zeros(len(codes), np.bool_)
    for place in np.flatnonzero(np.isin(codes, list(_rows()))).tolist():
        row = _rows()[int(codes[place])]
        number = scene.fields(scene.frame(int(heads[place]))).get(row.field, (None, ""))[0]
        out[place] = not row.field or (number is not None and row.low <= number <= row.high)
    return out
