"""NWK security of many frames at once: which key opens a frame, the verdict, and what the frame teaches.

The rules are those of the one-frame path (`dissectors.zigbee.network`, `.keys`, `.learn`), as they stood when
each frame passed: a MIC that does not fit is the frame's fault only where a key of this very network was
proven before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.keyring import Key
from dissectors.vectors import Index, Mask, Octets, distinct
from dissectors.zigbee.address_columns import Lessons, address_key, learnable
from dissectors.zigbee.ccm_batch import Sealed
from dissectors.zigbee.key_columns import Opened, Openings, open_groups
from dissectors.zigbee.keys import KeyProofs
from dissectors.zigbee.nwk_columns import AUX_OCTETS, NwkHeaders

__all__ = ["BAD_MIC", "NO_KEY", "NONE", "OK", "REPLAY", "VERDICTS", "NwkOpened", "lessons", "open_nwk"]

VERDICTS = ("none", "ok", "no_key", "bad_mic", "replay")
NONE, OK, NO_KEY, BAD_MIC, REPLAY = range(5)


@dataclass(slots=True)
class NwkOpened:
    """What became of secured NWK frames, one entry a frame.

    Attributes:
        opened: their plain texts.
        verdict: code of `VERDICTS`, replays not told yet.
        group: place in `groups`: (PAN, key sequence number).
        keys: the candidates of each group; `opened.key` points into them.
    """

    opened: Opened
    verdict: npt.NDArray[np.uint8]
    group: Index
    groups: list[tuple[int, int]]
    keys: list[list[Key]]

    def key_of(self, frame: int) -> Key:
        """The key that opened a frame."""
        return self.keys[int(self.group[frame])][int(self.opened.key[frame])]


def sealed_nwk(octets: Octets, nwk: NwkHeaders) -> Sealed:
    """The secured frames as CCM* takes them."""
    text = nwk.span.offset
    return Sealed(octets, nwk.header, text - AUX_OCTETS, text, nwk.span.end, nwk.sender, nwk.counter)


def open_nwk(octets: Octets, nwk: NwkHeaders, context: HanContext) -> NwkOpened:
    """Open secured NWK frames with the keys that are held now."""
    unique, group = distinct((nwk.pan.astype(np.uint32) << np.uint32(8)) | nwk.key_seq)
    groups = [(int(key) >> 8, int(key) & 0xFF) for key in unique]
    keys = [list(context.keyring.network_keys(pan, sequence)) for pan, sequence in groups]
    names = [("nwk", *pair) for pair in groups]
    opened = open_groups(sealed_nwk(octets, nwk), group, names, keys, context.state(Openings))
    verdict = np.where(opened.ok, OK, NO_KEY).astype(np.uint8)
    _blame(nwk, opened, verdict, group, groups, keys, context)
    return NwkOpened(opened, verdict, group, groups, keys)


def _blame(
    nwk: NwkHeaders,
    opened: Opened,
    verdict: npt.NDArray[np.uint8],
    group: Index,
    groups: Sequence[tuple[int, int]],
    keys: Sequence[Sequence[Key]],
    context: HanContext,
) -> None:
    """Frames that did not open although a key of their network was proven by then have a bad MIC."""
    shut = np.flatnonzero(~opened.ok)
    if not len(shut):
        return
    since = [
        _proven_since(nwk, opened, group == number, groups[number], keys[number], context)
        for number in range(len(groups))
    ]
    blamed = nwk.span.rows[shut] > np.array(since)[group[shut]]
    verdict[shut[blamed]] = BAD_MIC


NEVER = 1 << 40


def _proven_since(
    nwk: NwkHeaders,
    opened: Opened,
    frames: Mask,
    group: tuple[int, int],
    keys: Sequence[Key],
    context: HanContext,
) -> int:
    """The row since which a key of this PAN and sequence number is proven; -1: before the block."""
    pan, sequence = group
    proofs = context.state(KeyProofs).proven
    eligible = [i for i, key in enumerate(keys) if key.sequence in (None, sequence)]
    if any(keys[i].pan == pan or (group, keys[i].value) in proofs for i in eligible):
        return -1
    values = {keys[i].value for i in eligible}
    places = np.array([i for i, key in enumerate(keys) if key.value in values], np.int64)
    good = np.flatnonzero(frames & opened.ok & np.isin(opened.key, places))
    return int(nwk.span.rows[good[0]]) if len(good) else NEVER


def prove(nwk: NwkHeaders, found: NwkOpened, context: HanContext, first: int, last: int) -> None:
    """Remember which keys opened frames of rows from `first` up to but not including `last`."""
    rows = nwk.span.rows
    within = found.opened.ok & (rows >= first) & (rows < last)
    combined, _ = distinct(found.group[within] << 32 | found.opened.key[within])
    proven = context.state(KeyProofs).proven
    for pair in combined.tolist():
        group, key = pair >> 32, pair & 0xFFFFFFFF
        proven.add((found.groups[group], found.keys[group][key].value))


def lessons(nwk: NwkHeaders, sender: npt.NDArray[np.int32], verdict: npt.NDArray[np.uint8]) -> Lessons:
    """What secured frames teach of addresses; `sender` is the MAC source's short address, -1 if it has none.

    A verified frame tells the sender of the hop, then source and destination; an unverified one is believed
    only where nothing is known, and last in what it says of the hop.
    """
    sure = verdict == OK
    hop = (sender >= 0, np.maximum(sender, 0).astype(np.uint16), nwk.sender)
    source = (nwk.src_eui64 != 0, nwk.src, nwk.src_eui64)
    destination = (nwk.dst_eui64 != 0, nwk.dst, nwk.dst_eui64)
    order = ((hop, sure), (source, None), (destination, None), (hop, ~sure))
    parts = []
    for (has, short, eui64), only in order:
        mask = has & learnable(short, eui64)
        chosen = np.flatnonzero(mask if only is None else mask & only)
        key = address_key(nwk.pan[chosen], short[chosen])
        parts.append(Lessons(nwk.span.rows[chosen], key, eui64[chosen], sure[chosen]))
    return Lessons.of(*parts)
