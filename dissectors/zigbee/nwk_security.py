"""NWK security of many frames at once: candidates, counters, and what secured frames teach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.keyring import Key
from dissectors.vectors import Octets, distinct
from dissectors.zigbee.address_columns import Lessons, address_key, learnable
from dissectors.zigbee.ccm_batch import Sealed
from dissectors.zigbee.nwk_columns import AUX_OCTETS, NwkHeaders
from dissectors.zigbee.security_columns import OK, Group, Proofs, judge

__all__ = ["lessons", "open_nwk"]


def open_nwk(octets: Octets, nwk: NwkHeaders, context: HanContext) -> Proofs:
    """Open secured NWK frames with the network keys that are held."""
    unique, group = distinct((nwk.pan.astype(np.uint32) << np.uint32(8)) | nwk.key_seq)
    groups = [_group(int(key) >> 8, int(key) & 0xFF, context) for key in unique]
    text = nwk.span.offset
    sealed = Sealed(octets, nwk.header, text - AUX_OCTETS, text, nwk.span.end, nwk.sender, nwk.counter)
    return judge(nwk.span.rows, sealed, group, groups, context)


def _group(pan: int, sequence: int, context: HanContext) -> Group:
    keys: list[Key] = list(context.keyring.network_keys(pan, sequence))
    fitting = [key for key in keys if key.sequence in (None, sequence)]
    eligible = frozenset(key.value for key in fitting)
    return Group((pan, sequence), keys, eligible, any(key.pan == pan for key in fitting))


def lessons(nwk: NwkHeaders, sender: npt.NDArray[np.int32], verdict: npt.NDArray[np.uint8]) -> list[Lessons]:
    """What secured frames teach of addresses, by kinds; `sender` is the MAC source's short address, -1 if it has none.

    A verified frame tells the sender of the hop, then source and destination; an unverified one is believed
    only where nothing is known, and last in what it says of the hop.
    """
    sure = verdict == OK
    hop = (sender >= 0, np.maximum(sender, 0).astype(np.uint16), nwk.sender)
    source = (nwk.with_src, nwk.src, nwk.src_eui64)
    destination = (nwk.with_dst, nwk.dst, nwk.dst_eui64)
    order = ((hop, sure), (source, None), (destination, None), (hop, ~sure))
    parts = []
    for (has, short, eui64), only in order:
        mask = has & learnable(short, eui64)
        chosen = np.flatnonzero(mask if only is None else mask & only)
        key = address_key(nwk.pan[chosen], short[chosen])
        parts.append(Lessons(nwk.span.rows[chosen], key, eui64[chosen], sure[chosen]))
    return parts
