"""The address map for many frames at once, as it stood when each of them passed.

Strategy: nearly always the frames of a block show nothing that was not known, and the map is simply looked up
once for each distinct address. Only for addresses whose owner changes inside the block, the last observation
before each frame is looked up; so the result is that of reading frame after frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.context import AddressMap
from dissectors.vectors import Events, Index, Mask, distinct, first_places, stable_order
from dissectors.zigbee.nwk_columns import NwkHeaders
from dissectors.zigbee.security.verdict_columns import OK, REPLAY

__all__ = ["AddressObservations", "address_key", "address_observations", "owners"]

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


def address_key(pan: npt.NDArray[np.uint16], short: npt.NDArray[np.uint16]) -> U32:
    """PAN and short address as one number."""
    return (pan.astype(np.uint32) << np.uint32(16)) | short


def learnable(short: npt.NDArray[np.uint16], eui64: U64) -> Mask:
    """Which pairs the map takes: neither broadcast nor reserved addresses (see `AddressMap.learn`)."""
    mask: Mask = (short < 0xFFF8) & (eui64 != 0) & (eui64 != np.uint64(0xFFFFFFFFFFFFFFFF))
    return mask


@dataclass(slots=True, eq=False, repr=False)
class AddressObservations:
    """Who owns which address, as frames show it, in the order of the frames: `row` never falls.

    An observation that is not `sure` (its frame was not verified) counts only where no owner is known yet.
    """

    row: Index
    key: U32
    eui64: U64
    sure: Mask

    @classmethod
    def none(cls) -> AddressObservations:
        """No observation at all."""
        return cls(
            np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint64), np.zeros(0, np.bool_)
        )

    def where(self, chosen: Mask | Index) -> AddressObservations:
        """The chosen observations."""
        return AddressObservations(self.row[chosen], self.key[chosen], self.eui64[chosen], self.sure[chosen])

    @classmethod
    def changes_to(cls, known: AddressMap, *parts: AddressObservations) -> AddressObservations:
        """Those observations that matter, given what is known: all about addresses whose owner changes.

        `parts` are observations of several kinds; those of one row count in the order of the kinds.
        """
        row, key, eui64, sure = (
            np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__
        )
        ids, base, has = _known(known, key)
        changes = ~has[ids] | (sure & (base[ids] != eui64))
        if not changes.any():  # nearly always, and then their order does not matter
            return cls.none()
        moved = np.zeros(len(base), np.bool_)
        moved[ids[changes]] = True
        order = stable_order(row)
        ids = ids[order]
        first = np.zeros(len(ids), np.bool_)
        first[first_places(ids, len(base))] = True
        observed = cls(row[order], key[order], eui64[order], sure[order])
        return observed.where(moved[ids] & (observed.sure | (first & ~has[ids])))._without_repeats()

    def _without_repeats(self) -> AddressObservations:
        """Without those that say again what the one before said of the same address."""
        order = stable_order(self.key)
        key, eui64 = self.key[order], self.eui64[order]
        kept = np.ones(len(order), np.bool_)
        kept[1:] = (key[1:] != key[:-1]) | (eui64[1:] != eui64[:-1])
        return self.where(np.sort(order[kept]))

    def apply(self, known: AddressMap, first: int, last: int) -> None:
        """Give the map the observations of rows from `first` up to but not including `last`."""
        begin, end = np.searchsorted(self.row, (first, last), side="left")
        for key, eui64 in zip(self.key[begin:end].tolist(), self.eui64[begin:end].tolist(), strict=True):
            known.learn(key >> 16, key & 0xFFFF, eui64)


def _known(known: AddressMap, keys: U32) -> tuple[Index, U64, Mask]:
    """For each key its number; for each number its owner now, and whether there is one."""
    unique, ids = distinct(keys)
    found = [known.eui64(int(key) >> 16, int(key) & 0xFFFF) for key in unique]
    return (
        ids,
        np.array([f or 0 for f in found], np.uint64),
        np.array([f is not None for f in found], np.bool_),
    )


def owners(known: AddressMap, changes: AddressObservations, key: U32, row: Index) -> tuple[U64, Mask]:
    """Who owned each address when the frame in `row` passed, observations of that very row excluded.

    `known` is the map before the first row, `changes` what the rows show (`AddressObservations.changes_to`).
    """
    ids, base, has = _known(known, key)
    eui64, owned = base[ids], has[ids]
    if len(changes.row):
        last = Events(changes.key.astype(np.int64), changes.row).last_before(key.astype(np.int64), row)
        changed = np.flatnonzero(last >= 0)
        eui64[changed] = changes.eui64[last[changed]]
        owned[changed] = True
    return eui64, owned


def address_observations(
    nwk: NwkHeaders, sender: npt.NDArray[np.int32], verdict: npt.NDArray[np.uint8]
) -> list[AddressObservations]:
    """What secured frames show of addresses, by kinds; `sender` is the MAC source's short address, -1 if it has none.

    A verified frame shows the sender of the hop, then source and destination; an unverified one is believed
    only where nothing is known, and last in what it says of the hop. A replay shows nothing.
    """
    sure, fresh = verdict == OK, verdict != REPLAY
    hop = (sender >= 0, np.maximum(sender, 0).astype(np.uint16), nwk.sender)
    source = (nwk.with_src, nwk.src, nwk.src_eui64)
    destination = (nwk.with_dst, nwk.dst, nwk.dst_eui64)
    order = ((hop, sure), (source, None), (destination, None), (hop, ~sure))
    parts = []
    for (has, short, eui64), only in order:
        mask = has & fresh & learnable(short, eui64)
        chosen = np.flatnonzero(mask if only is None else mask & only)
        key = address_key(nwk.pan[chosen], short[chosen])
        parts.append(AddressObservations(nwk.span.rows[chosen], key, eui64[chosen], sure[chosen]))
    return parts
