"""The address map for many frames at once, as it stood when each of them passed.

Strategy: nearly always the frames of a block show nothing that was not known, and the map is simply looked up
once for each distinct address. Only for addresses whose owner changes inside the block, the last observation
before each frame is looked up; so the result is that of reading frame after frame. What a frame shows is
`dissectors.zigbee.learning.ADDRESS_PAIRS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.model.context import AddressMap, HanContext
from dissectors.security.verdicts import OK, REPLAY
from dissectors.vectors import Index, Mask, Timeline, distinct, first_places, stable_order
from dissectors.zigbee.learning import ADDRESS_PAIRS
from dissectors.zigbee.nwk.header_columns import NwkHeaders

__all__ = ["AddressChanges", "AddressObservations", "address_key", "observed_addresses"]

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


def address_key(pan: npt.NDArray[np.uint16], short: npt.NDArray[np.uint16]) -> U32:
    """PAN and short address as one number."""
    return (pan.astype(np.uint32) << np.uint32(16)) | short


@dataclass(slots=True, eq=False, repr=False)
class AddressObservations:
    """Who owns which address, as frames show it, in the order of the frames: `row` never falls.

    An observation that is not `sure` (its frame was not verified) counts only where no owner is known yet.
    """

    row: Index
    key: U32
    eui64: U64
    sure: Mask

    def where(self, chosen: Mask | Index) -> AddressObservations:
        """The chosen observations."""
        return AddressObservations(self.row[chosen], self.key[chosen], self.eui64[chosen], self.sure[chosen])


class AddressChanges:
    """Whose addresses change in a block: all that its frames show of addresses whose owner changes."""

    __slots__ = ("_known", "_timeline")

    def __init__(self, known: AddressMap, *observed: AddressObservations) -> None:
        """`known` is the map before the first row; observations of one row count in the order in which they are given."""
        self._known = known
        found = _changes(known, observed)
        self._timeline = Timeline(found.key, found.row, found.eui64) if found else Timeline.empty()

    def owners(self, key: U32, row: Index) -> tuple[U64, Mask]:
        """Who owned each address when the frame in `row` passed, observations of that very row excluded."""
        ids, base, has = _owners_before(self._known, key)
        eui64, owned = base[ids], has[ids]
        self._timeline.put_before(key, row, eui64, owned)
        return eui64, owned

    def publish_before(self, context: HanContext, row: int) -> None:
        """Write to the map what rows before `row` showed."""
        for pan, short, eui64 in self._entries(self._timeline.advance(row)):
            context.addresses.learn(pan, short, eui64)

    def mark_read_singly(self, row: int) -> None:
        """The one-frame path wrote to the map what `row` shows."""
        self._timeline.advance(row + 1)

    def expected(self, row: int) -> tuple[int, dict[tuple[int, int], int]]:
        """How often the frame in `row` should change the map, and the owners that it should leave."""
        owners: dict[tuple[int, int], int] = {}
        changes = 0
        for pan, short, eui64 in self._entries(self._timeline.of_row(row)):
            changes += owners.get((pan, short), self._known.eui64(pan, short)) != eui64
            owners[pan, short] = eui64
        return changes, owners

    def _entries(self, places: range) -> Iterator[tuple[int, int, int]]:
        part = slice(places.start, places.stop)
        keys, values = self._timeline.key[part].tolist(), self._timeline.value[part].tolist()
        return ((key >> 16, key & 0xFFFF, eui64) for key, eui64 in zip(keys, values, strict=True))


def _changes(known: AddressMap, observed: tuple[AddressObservations, ...]) -> AddressObservations | None:
    """Those observations that matter, given what is known; None where there is none."""
    if not observed:
        return None
    row, key, eui64, sure = (
        np.concatenate([getattr(part, name) for part in observed]) for name in AddressObservations.__slots__
    )
    ids, base, has = _owners_before(known, key)
    changes = ~has[ids] | (sure & (base[ids] != eui64))
    if not changes.any():  # nearly always, and then their order does not matter
        return None
    moved = np.zeros(len(base), np.bool_)
    moved[ids[changes]] = True
    order = stable_order(row)
    ids = ids[order]
    first = np.zeros(len(ids), np.bool_)
    first[first_places(ids, len(base))] = True
    found = AddressObservations(row[order], key[order], eui64[order], sure[order])
    return _without_repeats(found.where(moved[ids] & (found.sure | (first & ~has[ids]))))


def _without_repeats(observed: AddressObservations) -> AddressObservations:
    """Without those that show again what the one before showed of the same address."""
    order = stable_order(observed.key)
    key, eui64 = observed.key[order], observed.eui64[order]
    kept = np.ones(len(order), np.bool_)
    kept[1:] = (key[1:] != key[:-1]) | (eui64[1:] != eui64[:-1])
    return observed.where(np.sort(order[kept]))


def _owners_before(known: AddressMap, keys: U32) -> tuple[Index, U64, Mask]:
    """For each key its number; for each number its owner before the block, and whether there is one."""
    unique, ids = distinct(keys)
    found = [known.eui64(int(key) >> 16, int(key) & 0xFFFF) for key in unique]
    return (
        ids,
        np.array([f or 0 for f in found], np.uint64),
        np.array([f is not None for f in found], np.bool_),
    )


def observed_addresses(
    nwk: NwkHeaders, hop: npt.NDArray[np.int32], verdict: npt.NDArray[np.uint8]
) -> list[AddressObservations]:
    """What secured frames show of addresses, by kinds; `hop` is the MAC source's short address, -1 if it has none."""
    sure, fresh = verdict == OK, verdict != REPLAY
    shorts = {"hop": np.maximum(hop, 0).astype(np.uint16), "src": nwk.src, "dst": nwk.dst}
    has = {"hop": hop >= 0, "src": nwk.with_src, "dst": nwk.with_dst}
    out = []
    for pair in ADDRESS_PAIRS:
        short, eui64 = shorts[pair.short], getattr(nwk, pair.eui64)
        mask = fresh & has[pair.short] & AddressMap.takes(short, eui64)
        if pair.verified is not None:
            mask &= sure == pair.verified
        chosen = np.flatnonzero(mask)
        key = address_key(nwk.pan[chosen], short[chosen])
        out.append(AddressObservations(nwk.span.rows[chosen], key, eui64[chosen], sure[chosen]))
    return out
