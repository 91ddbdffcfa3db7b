"""Many radio frames at once: from what their outer layers carry to the ZCL frame, in columns.

Strategy: the outer layers were read already (`dissectors.zigbee.outer`). Each layer reads all rows that the
layer below handed up, and marks as `done` those that end with it. Rows that no layer finished leave the vector
path; the caller has the one-frame path dissect them, in order, and before each of them has `Frames.tell` write to
the context what the frames before it taught. What a layer itself needs of the frames before (owners of
addresses, counters, proven keys) it looks up as it was when each frame passed, so the result is that of reading
frame after frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from dissectors.context import HanContext
from dissectors.counter_columns import uses_of
from dissectors.counters import REPEAT_NS
from dissectors.facts import names
from dissectors.zigbee.address_columns import Lessons, address_key, owners
from dissectors.zigbee.aps_security import read_applications
from dissectors.zigbee.frames import Ends, Frames, Lines
from dissectors.zigbee.nwk_columns import NwkHeaders
from dissectors.zigbee.nwk_command_columns import read_nwk_commands
from dissectors.zigbee.nwk_security import lessons
from dissectors.zigbee.outer import Outer
from dissectors.zigbee.proofs import CODE_DOES_NOT_MATCH, network_reason
from dissectors.zigbee.security_columns import BAD_MIC, NO_KEY, Group, Proofs, judge

__all__ = ["read_frames"]

MAC, BEACON, NWK = "802.15.4", "Beacon", "ZigBee NWK"


def read_frames(
    outer: Outer,
    number: npt.NDArray[np.int64],
    time_ns: npt.NDArray[np.int64],
    context: HanContext,
    tables: Iterable[str] = ("packets", "attributes", "commands"),
) -> Frames:
    """Read what the outer layers of a block's frames carry; `number` and `time_ns` are of all its rows.

    The context is asked and not changed: see `Frames.tell`. The columns of `outer` are those of the result.
    """
    count = len(number)
    lines = context.state(Lines)
    lines.forget()
    frames = Frames(
        outer.octets,
        number,
        time_ns,
        context,
        outer.out,
        np.zeros(count, np.bool_),
        np.zeros(count, np.uint8),
        lines,
        frozenset(tables),
    )
    _finish_mac(frames, outer)
    if len(outer.nwk.span):
        _read_network(frames, outer)
    frames.join_commands()
    return frames


def _finish_mac(frames: Frames, outer: Outer) -> None:
    """Acknowledgements, commands that carry nothing, and ZigBee beacons end here."""
    frames.finish(outer.acks, MAC, ["Ack"])
    known = names("ieee802154", "command")
    commands = [known.get(code, "Unknown MAC command") for code in range(8)]
    frames.finish(outer.bare, MAC, commands, outer.bare_command)
    frames.finish(outer.beacons, BEACON, ["ZigBee beacon"])


def _read_network(frames: Frames, outer: Outer) -> None:
    """Secured ZigBee NWK frames: judged and remembered; what they carry goes up."""
    nwk, opened = outer.nwk, outer.opened
    proofs = judge(nwk.span.rows, opened, outer.group, outer.groups, frames.context)
    frames.proofs.append(proofs)
    frames.foreseen[nwk.span.rows[opened.ok]] += 1
    taught = lessons(nwk, outer.hop, proofs.verdict)
    frames.news = Lessons.news(frames.context.addresses, *taught)
    ends = _ends(frames, nwk)
    ends.put(frames.out, nwk.span.rows)
    _count(frames, outer, proofs)
    frames.put_security("nwk", proofs)
    frames.put_reasons("nwk", proofs, partial(_reason, outer.groups))
    _finish_shut(frames, nwk, proofs)
    read_nwk_commands(frames, opened.octets, outer.commands, ends.where(outer.commands_at))
    data = outer.applications_at
    read_applications(frames, opened.octets, outer.applications, ends.where(data))


def _ends(frames: Frames, nwk: NwkHeaders) -> Ends:
    """EUI-64s of source and destination: from the header, else from the address map as it was then."""
    found = []
    for short, eui64, has in (
        (nwk.src, nwk.src_eui64, nwk.with_src),
        (nwk.dst, nwk.dst_eui64, nwk.with_dst),
    ):
        key = address_key(nwk.pan, short)
        owner, owned = owners(frames.context.addresses, frames.news, key, nwk.span.rows)
        found += [short, np.where(has, eui64, owner), has | owned]
    return Ends(nwk.pan, *found)


def _count(frames: Frames, outer: Outer, proofs: Proofs) -> None:
    """Judge the frame counters of opened frames."""
    good = np.flatnonzero(proofs.opened.ok)
    if not len(good):
        return
    nwk, (keys, key) = outer.nwk, proofs.keys()
    uses = uses_of(
        "nwk",
        [one.value for one in keys],
        key,
        nwk.sender[good],
        nwk.span.rows[good],
        (frames.number, frames.time_ns),
        nwk.counter[good],
        outer.digest[good],
        outer.mark[good],
    )
    frames.uses.append(uses)
    frames.blame_replays(uses, REPEAT_NS, proofs, good)


def _reason(groups: Sequence[Group], number: int, own: bool) -> str:
    """Why frames of a group stay shut."""
    pan, sequence = groups[number].name
    return network_reason(pan, sequence, len(groups[number].keys), own)


def _finish_shut(frames: Frames, nwk: NwkHeaders, proofs: Proofs) -> None:
    """Frames that did not open end here."""
    shut = np.flatnonzero(~proofs.opened.ok)
    texts = ["NWK data, encrypted", "NWK command, encrypted"]
    frames.finish(nwk.span.rows[shut], NWK, texts, nwk.command[shut].astype(np.int64))
    for row in nwk.span.rows[proofs.verdict == BAD_MIC].tolist():
        frames.issues[row] = CODE_DOES_NOT_MATCH
    frames.want(nwk.span.rows[proofs.verdict == NO_KEY], {"nwk_security": "no_key"})
