"""Reads the ZigBee APS layer of one frame: header, security, fragments, commands; hands data upwards.

Sources: ZigBee 05-3474 R22 clauses 2.2.5, 2.2.8.4.5 (fragmentation), 4.4; Smart Energy 07-5356 annex H.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.layout.reading import CommandSet, Payload, Reading, read_command
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.model.frame import Envelope
from dissectors.security.candidates import Candidates
from dissectors.security.counters import aps_scope
from dissectors.security.recording import record_failure
from dissectors.zigbee.aps.commands import (
    APS_COMMAND_NAMES,
    APS_COMMANDS,
    TRANSPORT_KEY,
    TUNNEL,
    UPDATE_DEVICE,
    ApsCommandId,
)
from dissectors.zigbee.aps.facts import ApsHeaderFacts
from dissectors.zigbee.aps.fragments import FRAGMENT, Fragments
from dissectors.zigbee.aps.headers import ACK, APS_TYPES, COMMAND, GROUP, ApsHeader
from dissectors.zigbee.aps.message_pieces import fragment_piece
from dissectors.zigbee.learning import learn_announced, learn_key
from dissectors.zigbee.nwk.headers import AuxHeader
from dissectors.zigbee.security.candidates import (
    KEY_IDS,
    NETWORK,
    UNKNOWN_SOURCE,
    KnownCandidates,
    LinkCandidates,
    paired_senders,
    peer_of,
)
from dissectors.zigbee.security.opening import APS, OpenedFrame, SecuredFrame, read_auxiliary
from dissectors.zigbee.zdp.read import read_zdp

__all__ = ["read_aps", "read_data", "read_inter_pan_aps", "read_payload"]

LAYER = APS.name
NAME = "ZigBee APS"
ZDP_PROFILE, TOUCHLINK_PROFILE, TOUCHLINK_CLUSTER = 0x0000, 0xC05E, 0x1000
MOST_GUESSES = 1 << 16
COMMANDS = CommandSet("aps", NAME, ApsCommandId, APS_COMMAND_NAMES, APS_COMMANDS, carriers=(TUNNEL,))


@dataclass(slots=True, eq=False, repr=False)
class Guesses:
    """How many more senders may be guessed: keeps the work of a long capture within bounds (in the context)."""

    left: int = MOST_GUESSES


def read_aps(
    reading: Reading, cursor: Cursor, buffer: str, into: Field | None = None, target: int | None = None
) -> None:
    """Read an APS frame from its first octet to the end of the cursor, and what it carries.

    Args:
        into: the branch of the Tunnel command that carries this frame.
        target: the EUI-64 that a tunnelled frame is for.
    """
    cursor.layer = LAYER
    if not cursor.remaining:
        reading.set_summary(NAME, "Empty NWK data")
        return
    header = ApsHeader.read(cursor)
    if header.error is not None:
        header.keep_undissected(cursor)
    branch = reading.put(header, buffer, into)
    put_columns(reading, header)
    kind = APS_TYPES[header.bit("frame_type")]
    reading.set_summary(NAME, f"APS {kind}" if header.error is None else "Truncated frame")
    if header.error is not None:
        return
    if not header.bit("security"):
        read_payload(reading, header, cursor, buffer, branch)
        return
    aux = read_auxiliary(reading, APS, cursor, buffer, branch)
    if aux is not None:
        open_aps(reading, header, SecuredFrame(APS, header.start, aux, cursor), buffer, branch, target)


def put_columns(reading: Reading, header: ApsHeader) -> None:
    """What the APS header says, as columns."""
    reading.out.columns["aps_security"] = "none"
    reading.out.columns.update(header.column_values())


def open_aps(
    reading: Reading,
    header: ApsHeader,
    frame: SecuredFrame,
    buffer: str,
    branch: Field,
    target: int | None,
) -> None:
    """Check and decrypt the APS payload; go on in it when a key fits."""
    columns, aux = reading.out.columns, frame.aux
    key_id = aux.bit("key_id")
    columns["aps_key_id"] = KEY_IDS[key_id]
    columns["aps_frame_counter"] = aux.frame_counter
    columns["aps_digest"] = frame.digest
    receiver = target if target is not None else reading.destination
    candidates: Candidates = UNKNOWN_SOURCE
    sender = aux.get("source", reading.source)
    if sender is None:
        sender, opened = guess_sender(reading, frame, target)
        if sender is not None:
            candidates = aps_candidates(reading, aux, sender, receiver)
    else:
        columns["aps_sender"] = sender
        command = header.bit("frame_type") == COMMAND
        candidates = aps_candidates(reading, aux, sender, receiver, command)
        opened = frame.open(reading.context, candidates, sender)
    if opened is None:
        record_failure(reading, APS, candidates)
    frame.put(reading, buffer, branch, opened)
    if opened is None or sender is None:
        reading.set_summary(NAME, f"APS {APS_TYPES[header.bit('frame_type')]}, encrypted")
        return
    peer = 0 if key_id == NETWORK else peer_of(opened.key, sender, receiver, reading.nwk_dst)
    scope = aps_scope(opened.key.value, key_id, peer)
    frame.record(reading, candidates, opened, sender, scope)
    inner = reading.open_buffer(opened.clear, buffer, aux.end)
    read_payload(reading, header, reading.cursor(inner, LAYER), inner, None)


def aps_candidates(
    reading: Reading, aux: AuxHeader, sender: int, receiver: int | None, command: bool = False
) -> LinkCandidates:
    """The keys that may open the frame, if `sender` sent it to `receiver`."""
    known, frame = reading.context.state(KnownCandidates), reading.raw.number
    key_id = aux.bit("key_id")
    return known.link(reading.context, sender, receiver, key_id, reading.pan, command=command, frame=frame)


def guess_sender(
    reading: Reading, frame: SecuredFrame, target: int | None
) -> tuple[int | None, OpenedFrame | None]:
    """Open a frame whose sender's EUI-64 is unknown: it may be one of a pair whose key is held, and the integrity
    code proves it. Returns the sender, and what was opened; both None where none fits."""
    guesses = reading.context.state(Guesses)
    receiver = target if target is not None else reading.destination
    for sender, partner in paired_senders(reading.context.keyring, receiver):
        if not guesses.left:
            break
        guesses.left -= 1
        opened = frame.open(reading.context, aps_candidates(reading, frame.aux, sender, partner), sender)
        if opened is None:
            continue
        reading.out.columns["aps_sender"] = sender
        if target is None and reading.nwk_src is not None:
            reading.source = sender
            reading.out.columns["nwk_src_eui64"] = sender
            learn_announced(reading, reading.nwk_src, sender)
        return sender, opened
    return None, None


def read_payload(
    reading: Reading, header: ApsHeaderFacts, cursor: Cursor, buffer: str, branch: Field | None
) -> None:
    """An APS payload in clear: a command, a fragment, or application data."""
    kind = header.bit("frame_type")
    reading.out.carried = (buffer, cursor.offset)
    if kind == COMMAND:
        read_aps_command(reading, cursor, buffer, branch)
        return
    if kind == ACK:
        reading.set_summary(NAME, "APS ack")
        put_rest(reading, cursor, buffer, branch, "an acknowledgement carries nothing")
        return
    if header.fragment():
        read_fragment(reading, header, cursor, buffer, branch)
        return
    read_data(reading, header, cursor, buffer)


def put_rest(reading: Reading, cursor: Cursor, buffer: str, branch: Field | None, text: str) -> None:
    """Octets that nothing reads."""
    if cursor.remaining and branch is not None:
        reading.put_unread(cursor, buffer, branch, text)
    elif cursor.remaining:
        reading.issue("note", LAYER, cursor.offset, text)
        reading.put(Payload.read(cursor), buffer)


def read_aps_command(reading: Reading, cursor: Cursor, buffer: str, branch: Field | None) -> None:
    """An APS command, and what is learnt from it."""
    found = read_command(reading, COMMANDS, cursor, buffer, branch)
    if found is None:
        return
    command, layer, into = found
    if command == TRANSPORT_KEY:
        learn_key(reading, layer)
    if command == UPDATE_DEVICE and layer.error is None and reading.out.opened:
        learn_announced(reading, layer.device_short, layer.device)
    if command == TUNNEL and layer.error is None:
        # The tunnel carries no tunnel: a crafted chain of them must not grow the stack.
        if reading.tunnelled:
            put_rest(reading, cursor, buffer, into, "a tunnel inside a tunnel is not read")
            return
        reading.tunnelled = True
        read_aps(reading, cursor, buffer, None, layer.destination)


def read_fragment(
    reading: Reading, header: ApsHeaderFacts, cursor: Cursor, buffer: str, branch: Field | None
) -> None:
    """One block of a longer APS payload; the block that completes it goes on with the whole."""
    block = cursor.data[cursor.offset : cursor.end]
    first = header.fragment() == 1
    number = 0 if first else header.get("block")
    total = header.get("block") if first else None
    reading.set_summary(NAME, FRAGMENT)
    if branch is not None:
        reading.put_octets(cursor, buffer, branch, meaning="fragment")
    elif not reading.rows_only and cursor.remaining:
        reading.put(Payload.read(cursor), buffer, name="fragment").children[0].meaning = "fragment"
    if not reading.trusted:
        return
    ends = tuple(header.get(n) for n in ("src_endpoint", "dst_endpoint", "profile", "cluster", "counter"))
    sender = (reading.pan, reading.nwk_src, reading.nwk_dst, *ends)
    fragments = reading.context.state(Fragments)
    whole = fragments.add(sender, number, total, block, reading.raw.number, reading.raw.time_ns)
    held = fragments.held(sender)
    if whole is None:
        reading.out.piece = fragment_piece(held, number, header.get("cluster"), header.get("profile"))
        return
    reading.origins = held.origins() if held is not None else ()
    name = f"reassembled-{sum(n.startswith('reassembled') for n in reading.out.buffers)}"
    reading.out.buffers[name], reading.out.origins[name] = whole, reading.origins
    read_data(reading, header, reading.cursor(name, LAYER), name)


def envelope_of(reading: Reading, header: ApsHeaderFacts) -> Envelope:
    """What the layer above needs to know."""
    group = header.bit("delivery_mode") == GROUP
    return Envelope(
        frame=reading.raw.number,
        time_ns=reading.raw.time_ns,
        pan=reading.pan,
        source=reading.source,
        destination=None if group else reading.destination,
        source_short=reading.nwk_src,
        destination_short=reading.nwk_dst,
        profile=header.get("profile"),
        cluster=header.get("cluster"),
        source_endpoint=header.get("src_endpoint"),
        destination_endpoint=header.get("dst_endpoint"),
        origins=reading.origins,
    )


def read_data(reading: Reading, header: ApsHeaderFacts, cursor: Cursor, buffer: str) -> None:
    """Application data: ZDP for its profile, ZCL for all others."""
    if header.get("profile") == ZDP_PROFILE:
        read_zdp(reading, header.get("cluster", 0), cursor, buffer)
        return
    if not cursor.remaining:
        reading.set_summary(NAME, "APS data, empty")
        return
    window = Cursor(cursor.data, cursor.offset, cursor.end, layer="zcl")
    payload = Payload.read(cursor)  # whoever reads on behind a MAC that only authenticates finds nothing left
    if not reading.rows_only:
        reading.out.layers.append((buffer, payload))
    from dissectors import zcl

    zcl.dissect(window, buffer, envelope_of(reading, header), reading.context, reading.out)


def read_inter_pan_aps(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """The APS header of an inter-PAN frame and what it carries; touchlink goes by its own name."""
    cursor.layer = LAYER
    header = ApsHeader.read(cursor)
    if header.error is not None:
        header.keep_undissected(cursor)
    reading.put(header, buffer)
    put_columns(reading, header)
    if header.error is not None:
        return
    if reading.sender_short is not None:
        reading.nwk_src = reading.sender_short
    reading.nwk_dst = reading.receiver_short
    read_data(reading, header, cursor, buffer)
    if header.get("profile") == TOUCHLINK_PROFILE and header.get("cluster") == TOUCHLINK_CLUSTER:
        reading.set_summary("touchlink", reading.out.columns.get("summary", "Touchlink"))
