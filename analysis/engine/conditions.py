"""Where conditions (`analysis.rules.expression`) hold in columns of Arrow, null counting as no."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.features.view import View
from analysis.rules.expression import (
    And,
    Bits,
    Column,
    Compare,
    Condition,
    Known,
    Match,
    Not,
    OfHub,
    OfRole,
    OneOf,
    Or,
)
from analysis.tables.arrow import truths_of
from analysis.tables.lazy import SOME
from analysis.tables.lazy import Known as Truths

__all__ = ["evaluated", "holds", "truths"]

INDEX = re.compile(r"\[\d+\]")  # of a repeated field or object, as in ``cells[2].subject``
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def evaluated(condition: Condition, leaf: Callable[[Any], pa.BooleanArray]) -> pa.BooleanArray:
    """Where a condition holds; `leaf` says it of a comparison."""
    if isinstance(condition, Not):
        return pc.invert(evaluated(condition.part, leaf))
    if not isinstance(condition, And | Or):
        return leaf(condition)
    both = pc.and_ if isinstance(condition, And) else pc.or_
    return reduce(both, (evaluated(part, leaf) for part in condition.parts))


def truths(mask: pa.BooleanArray) -> Truths:
    """A mask as numpy has it."""
    return truths_of(mask)[0]


def holds(leaf: Any, column: Callable[[str], Any], view: View) -> pa.BooleanArray:
    """Where one comparison holds, null counting as no."""
    array = column(leaf.column)
    if isinstance(leaf, Known):
        return _joined(pc.is_valid(array))
    if isinstance(leaf, Compare) and isinstance(leaf.value, Column):
        return _joined(_sure(COMPARE[leaf.operator](_decoded(array), _decoded(column(leaf.value.name)))))
    if isinstance(leaf, OfRole | OfHub):
        stations = view.hub_addresses() if isinstance(leaf, OfHub) else view.with_role(*leaf.roles)
        leaf = OneOf(leaf.column, tuple(sorted(stations)))
    parts = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return _joined(pa.chunked_array([_fits(leaf, part) for part in parts], pa.bool_()))


def _fits(leaf: Any, part: Any) -> pa.BooleanArray:
    """The same of one chunk. Of a column of words (or of devices) each is looked at once."""
    if isinstance(leaf, Match) and not pa.types.is_dictionary(part.type):
        part = part.dictionary_encode()
    if pa.types.is_dictionary(part.type):
        return _sure(_fits_plain(leaf, part.dictionary).take(part.indices))
    return _fits_plain(leaf, part)


def _fits_plain(leaf: Any, values: Any) -> pa.BooleanArray:
    if isinstance(leaf, Match):
        return pa.array([_matches(leaf, str(word)) for word in values.to_pylist()], pa.bool_())
    if isinstance(leaf, Bits):
        return _sure(pc.not_equal(pc.bit_wise_and(values.cast(pa.int64()), leaf.mask), 0))
    if isinstance(leaf, OneOf):
        return _among(values, leaf.values)
    return _compared(values, leaf.operator, leaf.value)


def _matches(leaf: Match, word: str) -> bool:
    pattern = re.compile(str(leaf.pattern), re.IGNORECASE if leaf.ignore_case else 0)
    found = pattern.fullmatch if leaf.whole else pattern.search
    return bool(found(word) or (leaf.without_index and found(INDEX.sub("", word))))


def _compared(values: Any, operator: str, value: Any) -> pa.BooleanArray:
    scalar = _scalar(value, values.type)
    if scalar is None:  # no value of the column's type is equal to it
        if operator in ("==", "!="):
            return pc.and_(pc.is_valid(values), pa.scalar(operator == "!="))
        return _sure(COMPARE[operator](values.cast(pa.float64()), pa.scalar(float(value))))
    return _sure(COMPARE[operator](values, scalar))


def _among(values: Any, wanted: Any) -> pa.BooleanArray:
    known = [scalar for scalar in (_scalar(value, values.type) for value in wanted) if scalar is not None]
    if len(known) > SOME:
        return pc.is_in(values, value_set=pa.array([one.as_py() for one in known], values.type))
    nothing = pa.array(np.zeros(len(values), np.bool_))
    return reduce(pc.or_, (_sure(pc.equal(values, one)) for one in known), nothing)


def _scalar(value: Any, kind: Any) -> Any:
    """`value` as a scalar of a column's type; None where the type has no such value."""
    try:
        return pa.scalar(value, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        return None


def _decoded(array: Any) -> Any:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _sure(mask: Any) -> Any:
    return pc.fill_null(mask, False)


def _joined(mask: Any) -> pa.BooleanArray:
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
