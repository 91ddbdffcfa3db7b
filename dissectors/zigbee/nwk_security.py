"""NWK security of many frames at once: candidates, counters, and the addresses that secured frames show."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.keyring import Key
from dissectors.zigbee.address_columns import AddressObservations, address_key, learnable
from dissectors.zigbee.nwk_columns import NwkHeaders
from dissectors.zigbee.security_columns import OK, Group

__all__ = ["address_observations", "groups_of"]


def groups_of(names: Iterable[tuple[int, int]], context: HanContext) -> list[Group]:
    """Secured frames for which the same network keys come into question, by PAN and key sequence number."""
    return [_group(pan, sequence, context) for pan, sequence in names]


def _group(pan: int, sequence: int, context: HanContext) -> Group:
    keys: list[Key] = list(context.keyring.network_keys(pan, sequence))
    fitting = [key for key in keys if key.sequence in (None, sequence)]
    eligible = frozenset(key.value for key in fitting)
    return Group((pan, sequence), keys, eligible, any(key.pan == pan for key in fitting))


def address_observations(
    nwk: NwkHeaders, sender: npt.NDArray[np.int32], verdict: npt.NDArray[np.uint8]
) -> list[AddressObservations]:
    """What secured frames show of addresses, by kinds; `sender` is the MAC source's short address, -1 if it has none.

    A verified frame shows the sender of the hop, then source and destination; an unverified one is believed
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
        parts.append(AddressObservations(nwk.span.rows[chosen], key, eui64[chosen], sure[chosen]))
    return parts
