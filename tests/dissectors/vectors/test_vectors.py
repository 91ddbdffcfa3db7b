"""The small building blocks of the column path."""

import random

import numpy as np

from dissectors.model.context import AddressMap, HanContext
from dissectors.vectors import (
    PADDING,
    Columns,
    OctetArray,
    Span,
    Timeline,
    distinct,
    highest_before,
    padded,
    stacked,
)
from dissectors.zigbee.nwk.address_columns import AddressChanges, AddressObservations


def test_unaligned_reads() -> None:
    records = [bytes(range(20)), b"", b"\xff" * 3]
    data, offset, end = padded(records)
    assert len(data) == 2 * PADDING + 23
    octets = OctetArray(data)
    assert octets.u8(offset).tolist() == [0, 255, 255]  # an empty row reads its neighbour, never fails
    assert octets.u16(offset + 1).tolist()[0] == 0x0201
    assert octets.u64(end).tolist()[2] == 0
    assert octets.rows(offset, 20)[0].tobytes() == records[0]


def test_span() -> None:
    span = Span(np.array([4, 7]), np.array([10, 20]), np.array([13, 29]))
    assert span.after(2).length.tolist() == [1, 7]
    assert span.where(span.length > 3).rows.tolist() == [7]


def test_distinct() -> None:
    for keys in ([9, 2, 9], [9 << 40, 2, 9 << 40], [-1, 5, -1], [7, 7], []):
        unique, inverse = distinct(np.array(keys, np.int64))
        assert sorted(unique.tolist()) == sorted(set(keys)) and unique[inverse].tolist() == keys


def test_a_timeline_is_a_sequential_memory() -> None:
    rng = random.Random(1)
    events = [(rng.randrange(5), at) for at in sorted(rng.sample(range(300), 90))]
    questions = [(rng.randrange(6), rng.randrange(300)) for _ in range(200)]
    memory = Timeline(*(np.array(c) for c in zip(*events, strict=True)), np.arange(len(events)))
    found = memory.last_before(*(np.array(c) for c in zip(*questions, strict=True)))
    for (key, at), index in zip(questions, found.tolist(), strict=True):
        before = [i for i, (k, a) in enumerate(events) if k == key and a < at]
        assert index == (before[-1] if before else -1)
    given = [list(memory.advance(row)) for row in (0, 17, 17, 120, 119, 300)]
    assert [place for places in given for place in places] == list(range(len(events)))
    assert all(events[place][1] < 17 for place in given[1]) and not given[2] and not given[4]
    assert not Timeline.empty().advance(300)


def test_a_timeline_overrides_what_was_before() -> None:
    timeline = Timeline(np.array([3, 5, 3]), np.array([2, 2, 9]), np.array([30, 50, 31]))
    value, known = np.array([1, 1, 1, 1]), np.array([True, False, True, False])
    timeline.put_before(np.array([3, 5, 3, 8]), np.array([2, 3, 10, 10]), value, known)
    assert value.tolist() == [1, 50, 31, 1] and known.tolist() == [True, True, True, False]
    assert list(timeline.of_row(2)) == [0, 1] and not timeline.of_row(3)


def test_columns_keep_validity_apart() -> None:
    table = Columns(4)
    table.put("a", np.array([1, 3]), np.array([7, 8], np.uint8))
    table.put("a", np.array([0]), np.array([9], np.uint8))
    table.put_words("b", np.array([2]), 1, ("x", "y"))
    assert table.values["a"].tolist() == [9, 7, 0, 8]
    assert table.valid["a"].tolist() == [True, True, False, True]
    assert table.words["b"][table.values["b"][2]] == "y" and table.valid["b"].sum() == 1


def test_highest_before_is_a_sequential_memory() -> None:
    rng = random.Random(2)
    groups = [rng.randrange(4) for _ in range(300)]
    values = [rng.choice([rng.randrange(50), 0xFFFFFFFF, 0]) for _ in range(300)]
    memory = [-1, 7, 0xFFFFFFFE, -1]
    found = highest_before(np.array(groups), np.array(values, np.uint32), np.array(memory)).tolist()
    for group, value, got in zip(groups, values, found, strict=True):
        assert got == memory[group]
        memory[group] = max(memory[group], value)


def test_owners_are_those_of_the_moment() -> None:
    rng = random.Random(3)
    known, mirror = AddressMap(), AddressMap()
    for short in range(3):
        known.learn(1, short, 100 + short)
        mirror.learn(1, short, 100 + short)
    shown = [(row, (1 << 16) | rng.randrange(5), 100 + rng.randrange(3)) for row in range(0, 200, 3)]
    rows, pairs, eui64s = (np.array(column) for column in zip(*shown, strict=True))
    sure = np.array([rng.random() < 0.6 for _ in shown])
    observed = AddressObservations(rows, pairs.astype(np.uint32), eui64s.astype(np.uint64), sure)
    keys = [(1 << 16) | rng.randrange(7) for _ in range(200)]
    changes = AddressChanges(known, observed)
    found, owned = changes.owners(np.array(keys, np.uint32), np.arange(200))
    by_row = {row: (key, eui64, s) for (row, key, eui64), s in zip(shown, sure.tolist(), strict=True)}
    for row, key in enumerate(keys):
        expected = mirror.eui64(1, key & 0xFFFF)
        assert (found[row] if owned[row] else None) == expected
        if row in by_row:
            shown_key, eui64, certain = by_row[row]
            if certain or mirror.eui64(1, shown_key & 0xFFFF) is None:
                mirror.learn(1, shown_key & 0xFFFF, eui64)
    changes.publish_before(HanContext(addresses=known), 200)
    assert known.pairs == mirror.pairs


def test_words_of_stacked_tables_stay_theirs() -> None:
    """Short codes of few words are widened where many tables bring their own."""
    parts = []
    for number in range(90):
        part = Columns(2)
        words = (f"{number} a", f"{number} b")
        part.put_words("name", np.arange(2), np.array([1, 0]), words)
        assert part.values["name"].dtype == np.int8
        parts.append(part)
    whole = stacked(parts)
    said = [whole.words["name"][code] for code in whole.values["name"].tolist()]
    assert said == [f"{number} {letter}" for number in range(90) for letter in "ba"]
