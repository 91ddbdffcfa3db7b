"""Many radio frames at once: from what their stateless layers carry to the ZCL frame, in columns.

Strategy: `dissectors.zigbee.columns.stateless_layers` read the layers below already. Each layer reads all rows that the
layer below handed up, and marks as `done` those that end with it. Rows that no layer finished leave the vector
path; the caller has the one-frame path dissect them, in order, and before each of them has `Frames.publish_before` write
to the context what was learnt from the frames before it. What a layer itself needs of the frames before (owners of
addresses, counters, proven keys) it looks up as it was when each frame passed, so the result is that of reading
frame after frame.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dissectors.layout.tables import names
from dissectors.model.context import HanContext
from dissectors.security.counter_columns import CounterUses, counter_uses
from dissectors.security.verdicts import NO_KEY
from dissectors.zigbee.aps.payload_columns import read_applications
from dissectors.zigbee.columns.frames import Frames, NwkAddresses, SummaryWords
from dissectors.zigbee.columns.stateless_layers import StatelessLayers
from dissectors.zigbee.nwk.address_columns import AddressChanges, address_key, observed_addresses
from dissectors.zigbee.nwk.command_columns import read_nwk_commands
from dissectors.zigbee.nwk.header_columns import NwkHeaders
from dissectors.zigbee.security.opening import NWK as SECURED
from dissectors.zigbee.security.recording_columns import record_many
from dissectors.zigbee.security.verdict_columns import Proofs, judge

__all__ = ["read_frames"]

MAC, BEACON, NWK = "802.15.4", "Beacon", "ZigBee NWK"


def read_frames(
    stateless: StatelessLayers,
    number: npt.NDArray[np.int64],
    time_ns: npt.NDArray[np.int64],
    context: HanContext,
    tables: Iterable[str] = ("packets", "attributes", "commands"),
) -> Frames:
    """Read what the stateless layers of a block's frames carry; `number` and `time_ns` are of all its rows.

    The context is read and not changed: see `Frames.publish_before`. The columns of `stateless` are those of the result.
    """
    count = len(number)
    lines = context.state(SummaryWords)
    lines.forget()
    frames = Frames(
        stateless.octets,
        number,
        time_ns,
        context,
        stateless.out,
        np.zeros(count, np.bool_),
        np.zeros(count, np.uint8),
        lines,
        frozenset(tables),
        AddressChanges(context.addresses),
    )
    _finish_mac(frames, stateless)
    if len(stateless.nwk.span):
        _read_network(frames, stateless)
    frames.join_commands()
    return frames


def _finish_mac(frames: Frames, stateless: StatelessLayers) -> None:
    """Acknowledgements, commands that carry nothing, and ZigBee beacons end here."""
    frames.finish(stateless.acks, MAC, ["Ack"])
    known = names("ieee802154", "command")
    commands = [known.get(code, "Unknown MAC command") for code in range(8)]
    frames.finish(stateless.bare, MAC, commands, stateless.bare_command)
    frames.finish(stateless.beacons, BEACON, ["ZigBee beacon"])


def _read_network(frames: Frames, stateless: StatelessLayers) -> None:
    """Secured ZigBee NWK frames: judged and remembered; what they carry goes up."""
    nwk, opened = stateless.nwk, stateless.opened
    proofs = judge(nwk.span.rows, opened, stateless.group, stateless.groups, frames.context)
    shut = record_many(frames, SECURED, proofs, _counters(frames, stateless, proofs))
    observed = observed_addresses(nwk, stateless.hop, proofs.verdict)
    frames.addresses = AddressChanges(frames.context.addresses, *observed)
    ends = _ends(frames, nwk)
    ends.put(frames.out, nwk.span.rows)
    texts = ["NWK data, encrypted", "NWK command, encrypted"]
    frames.finish(nwk.span.rows[shut], NWK, texts, nwk.command[shut].astype(np.int64))
    frames.add_missing_key(nwk.span.rows[proofs.verdict == NO_KEY], {"nwk_security": "no_key"})
    read_nwk_commands(frames, opened.octets, stateless.commands, ends.where(stateless.commands_at))
    data = stateless.applications_at
    read_applications(frames, opened.octets, stateless.applications, ends.where(data))


def _ends(frames: Frames, nwk: NwkHeaders) -> NwkAddresses:
    """EUI-64s of source and destination: from the header, else from the address map as it was then."""
    found = []
    for short, eui64, has in (
        (nwk.src, nwk.src_eui64, nwk.with_src),
        (nwk.dst, nwk.dst_eui64, nwk.with_dst),
    ):
        key = address_key(nwk.pan, short)
        owner, owned = frames.addresses.owners(key, nwk.span.rows)
        found += [short, np.where(has, eui64, owner), has | owned]
    return NwkAddresses(nwk.pan, *found)


def _counters(frames: Frames, stateless: StatelessLayers, proofs: Proofs) -> CounterUses | None:
    """The frame counters of opened frames."""
    good = np.flatnonzero(proofs.opened.ok)
    if not len(good):
        return None
    nwk, (keys, key) = stateless.nwk, proofs.keys()
    return counter_uses(
        SECURED.counters,
        [one.value for one in keys],
        key,
        nwk.sender[good],
        nwk.span.rows[good],
        (frames.number, frames.time_ns),
        nwk.counter[good],
        stateless.digest[good],
        stateless.mark[good],
    )
