"""Filter expressions: a mask of all rows, or an error with its place; in bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from analysis.views.filters import FilterError, parse_filter
from tests.analysis import test_filters

LIMIT = 400
_MORE = (
    "frame", "not frame", "rssi <= -4.5", "frame in (1, 0x2, 3)", "summary matches '^(a|b)+$'", "protocol in (ZCL)",
    "nwk_src_eui64 == 00:11:22:33:44:55:66:77", "time < '2026-01-01'", "time == 5", "fcs_ok == true and not (rssi > 5 or frame)",
    "frame == 99999999999999999999999999", "rssi == 1e5", "protocol contains 'z'", "((frame))", "nwk_src != -1",
    "time matches '2'", "fcs_ok contains 1", "frame == nan", "summary == ''", "summary matches '('", "rssi in ()",
    "frame and", "and", "'", "frame == 'a", "frame = 1 or or", "frame ==", "( frame", "\\", "frame == -0x10",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    for mark in (*test_filters.test_chosen.pytestmark, *test_filters.test_refused.pytestmark):
        for case in mark.args[1]:
            yield case[0].encode()
    for text in _MORE:
        yield text.encode()
    yield ("(" * 60 + "frame" + ")" * 60).encode()
    yield ("not " * 60 + "frame").encode()
    operators = ("==", "!=", "<", "<=", ">", ">=", "contains", "matches", "=")
    for column in rows().columns:
        for one in operators:
            for value in (
                "1",
                "-1",
                "0.5",
                "ZCL",
                "'2026'",
                "true",
                "9" * 30,
                "0xffffffffffffffff",
                "00:11:22:33:44:55:66:77",
            ):
                yield f"{column} {one} {value}".encode()


@cache
def rows() -> Any:
    return test_filters.rows()


def check(octets: bytes) -> None:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        mask = parse_filter(text, rows().columns).mask(rows())
    except FilterError as error:
        assert str(error) and 0 <= error.position <= len(text), "an error without its place"
        return
    assert mask.dtype == np.bool_ and mask.shape == (4,), "a mask of other rows"
