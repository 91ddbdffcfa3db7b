"""Where conditions (`analysis.rules.expression`) hold in columns of Arrow, null counting as no."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, cast

import numpy as np
import numpy.typing as npt
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
from analysis.tables.lazy import SOME, Places
from analysis.tables.lazy import Known as Truths
from analysis.tables.pandas_columns import taken

__all__ = ["Words", "evaluated", "holds", "part_of", "truths"]

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
INDEX = re.compile(r"\[\d+\]")  # of a repeated field or object, as in ``cells[2].subject``
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of words (or of devices): a small number for each row, -1 where there is none, and what they stand for."""

    codes: npt.NDArray[Any]
    words: list[Any]

    def __len__(self) -> int:
        return len(self.codes)


def part_of(column: Any, places: Places) -> Any:
    """A column at some places, in order."""
    return Words(column.codes[places], column.words) if isinstance(column, Words) else taken(column, places)


def evaluated(condition: Condition, leaf: Callable[[Any], pa.BooleanArray]) -> pa.BooleanArray:
    """Where a condition holds; `leaf` says it of a comparison. What no row can change any more is not looked at."""
    if isinstance(condition, Not):
        return pc.invert(evaluated(condition.part, leaf))
    if not isinstance(condition, And | Or):
        return leaf(condition)
    every = isinstance(condition, And)
    out = evaluated(condition.parts[0], leaf)
    for part in condition.parts[1:]:
        if out.true_count == (0 if every else len(out)):
            break
        out = (pc.and_ if every else pc.or_)(out, evaluated(part, leaf))
    return out


def truths(mask: pa.BooleanArray) -> Truths:
    """A mask as numpy has it."""
    return truths_of(mask)[0]


def holds(leaf: Any, column: Callable[[str], Any], view: View) -> pa.BooleanArray:
    """Where one comparison holds, null counting as no."""
    values = column(leaf.column)
    if isinstance(leaf, OfRole | OfHub):
        stations = view.hub_addresses() if isinstance(leaf, OfHub) else view.with_role(*leaf.roles)
        leaf = OneOf(leaf.column, tuple(sorted(stations)))
    if isinstance(leaf, Compare) and isinstance(leaf.value, Column):
        return _sure(COMPARE[leaf.operator](_plain(values), _plain(column(leaf.value.name))))
    if isinstance(leaf, Match) and not isinstance(values, Words):
        values = _words(values)
    if isinstance(values, Words):
        return _of_words(leaf, values)
    if isinstance(leaf, Known):
        return _joined(pc.is_valid(values))
    if isinstance(leaf, Bits):
        kind = pa.uint64() if pa.types.is_uint64(values.type) else pa.int64()
        return _sure(pc.not_equal(pc.bit_wise_and(values.cast(kind), pa.scalar(leaf.mask, kind)), 0))
    if isinstance(leaf, OneOf):
        return _among(values, leaf.values)
    return _compared(values, leaf.operator, leaf.value)


def _of_words(leaf: Any, column: Words) -> pa.BooleanArray:
    """Each word is looked at once."""
    if isinstance(leaf, Known):
        return _bits(column.codes >= 0)
    if isinstance(leaf, Match):
        fits = [_matches(leaf, str(word)) for word in column.words]
    elif isinstance(leaf, OneOf):
        fits = [word in cast("tuple[Any, ...]", leaf.values) for word in column.words]
    else:
        fits = [ORDER[leaf.operator](word, leaf.value) for word in column.words]
    wanted = np.flatnonzero(fits)
    if len(wanted) > SOME:
        return _bits(np.append(fits, False)[column.codes])
    out = np.zeros(len(column), np.bool_)
    for code in wanted:
        out |= column.codes == code
    return _bits(out)


def _bits(mask: Truths) -> pa.BooleanArray:
    """A mask as Arrow has it: a bit a row."""
    packed = pa.py_buffer(np.packbits(mask, bitorder="little"))
    return pa.BooleanArray.from_buffers(pa.bool_(), len(mask), [None, packed])


def _matches(leaf: Match, word: str) -> bool:
    pattern = re.compile(str(leaf.pattern), re.IGNORECASE if leaf.ignore_case else 0)
    found = pattern.fullmatch if leaf.whole else pattern.search
    return bool(found(word) or (leaf.without_index and found(INDEX.sub("", word))))


def _compared(values: Any, operator: str, value: Any) -> pa.BooleanArray:
    scalar = _scalar(value, values.type)
    if scalar is None:  # no value of the column's type is equal to it
        if operator in ("==", "!="):
            found = _joined(pc.is_valid(values))
            return found if operator == "!=" else _bits(np.zeros(len(values), np.bool_))
        return _sure(COMPARE[operator](values.cast(pa.float64()), pa.scalar(float(value))))
    return _sure(COMPARE[operator](values, scalar))


def _among(values: Any, wanted: Any) -> pa.BooleanArray:
    known = [scalar for scalar in (_scalar(value, values.type) for value in wanted) if scalar is not None]
    if len(known) > SOME:
        return _joined(pc.is_in(values, value_set=pa.array([one.as_py() for one in known], values.type)))
    nothing = _bits(np.zeros(len(values), np.bool_))
    return reduce(pc.or_, (_sure(pc.equal(values, one)) for one in known), nothing)


def _scalar(value: Any, kind: Any) -> Any:
    """`value` as a scalar of a column's type; None where the type has no such value."""
    try:
        return pa.scalar(value, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        return None


def _words(values: Any) -> Words:
    """A column of texts, each of which is looked at once."""
    joined = _joined(values)
    coded = joined if pa.types.is_dictionary(joined.type) else joined.dictionary_encode()
    return Words(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), coded.dictionary.to_pylist())


def _plain(column: Any) -> Any:
    """A column of words or devices as these themselves."""
    if not isinstance(column, Words):
        return _joined(column)
    return pa.array([*column.words, None]).take(pa.array(column.codes % (len(column.words) + 1)))


def _sure(mask: Any) -> pa.BooleanArray:
    """A mask in which null is no. (`fill_null` goes through the values one by one.)"""
    joined = _joined(mask)
    if not joined.null_count:
        return joined
    values = pa.BooleanArray.from_buffers(
        pa.bool_(), len(joined), [None, joined.buffers()[1]], offset=joined.offset
    )
    return pc.and_(values, joined.is_valid())


def _joined(values: Any) -> Any:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
