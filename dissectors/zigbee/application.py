"""Reads the ZigBee APS layer of one frame: header, security, fragments, commands; hands data upwards.

Sources: ZigBee 05-3474 R22 clauses 2.2.5, 2.2.8.4.5 (fragmentation), 4.4; Smart Energy 07-5356 annex H.
"""

from __future__ import annotations

from zlib import crc32

from dissectors.counters import RELAY_NS, REPLAYED, CounterUse, FrameCounters, aps_scope
from dissectors.cursor import Cursor
from dissectors.errors import Truncated
from dissectors.field import Field
from dissectors.frame import Envelope
from dissectors.key_proofs import KeyChanges
from dissectors.keyring import Key
from dissectors.reading import Ciphertext, Mic, Payload, Reading, command_rows
from dissectors.zigbee.aps import ACK, APS_TYPES, COMMAND, GROUP, ApsHeader
from dissectors.zigbee.aps_commands import (
    APS_COMMAND_NAMES,
    APS_COMMANDS,
    TRANSPORT_KEY,
    TUNNEL,
    UPDATE_DEVICE,
    ApsCommandId,
)
from dissectors.zigbee.aps_facts import ApsHeaderFacts
from dissectors.zigbee.fragments import FRAGMENT, Fragments
from dissectors.zigbee.keys import (
    KEY_IDS,
    NETWORK,
    Guesses,
    KeyProofs,
    OpenedFrame,
    aps_keys,
    open_sealed,
)
from dissectors.zigbee.learn import learn_announced, learn_key
from dissectors.zigbee.nwk import AuxHeader
from dissectors.zigbee.proofs import (
    CODE_DOES_NOT_MATCH,
    UNKNOWN_SOURCE,
    link_reason,
    pair_name,
    paired_senders,
    peer_of,
)
from dissectors.zigbee.zdp import read_zdp

__all__ = ["read_aps", "read_data", "read_inter_pan_aps", "read_payload"]

LAYER = "zigbee.aps"
NAME = "ZigBee APS"
ZDP_PROFILE, TOUCHLINK_PROFILE, TOUCHLINK_CLUSTER = 0x0000, 0xC05E, 0x1000
MIC_OCTETS = 4


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
    aux = AuxHeader.read(cursor)
    if aux.error is None and cursor.remaining < MIC_OCTETS:
        aux.error = Truncated(MIC_OCTETS, cursor.remaining, layer=LAYER, offset=cursor.offset)
    if aux.error is not None:
        aux.keep_undissected(cursor)
        reading.out.columns["aps_security"] = "no_key"
        reading.set_not_opened("aps", "the APS security header or the integrity code is cut off")
    reading.put(aux, buffer, branch)
    if aux.error is None:
        open_aps(reading, header, aux, cursor, buffer, branch, target)


def put_columns(reading: Reading, header: ApsHeader) -> None:
    """What the APS header says, as columns."""
    reading.out.columns["aps_security"] = "none"
    reading.out.columns.update(header.column_values())


def open_aps(
    reading: Reading,
    header: ApsHeader,
    aux: AuxHeader,
    cursor: Cursor,
    buffer: str,
    branch: Field,
    target: int | None,
) -> None:
    """Check and decrypt the APS payload; go on in it when a key fits."""
    columns, key_id = reading.out.columns, aux.bit("key_id")
    columns["aps_key_id"] = KEY_IDS[key_id]
    columns["aps_frame_counter"] = aux.frame_counter
    columns["aps_digest"] = int.from_bytes(cursor.data[cursor.end - 4 : cursor.end], "little")
    source = aux.get("source", reading.source)
    if source is not None:
        columns["aps_sender"] = source
    receiver = target if target is not None else reading.destination
    opened = None
    if source is None:
        opened, source = guess_sender(reading, header, aux, cursor, target)
        if source is None:
            columns["aps_security"] = "no_key"
            reading.set_not_opened("aps", UNKNOWN_SOURCE)
    else:
        command = header.bit("frame_type") == COMMAND
        keys = aps_keys(reading.context, key_id, reading.pan, source, receiver, command)
        opened, tried = open_sealed(keys, source, aux, header.start, cursor.data, cursor.end)
        if opened is None:
            record_failure(reading, tried, key_id, (source, receiver))
    mic = (0, 4, 8, 16)[opened.level & 3] if opened is not None else MIC_OCTETS
    reading.put_octets(cursor, buffer, branch, Ciphertext, cursor.remaining - mic)
    reading.put_octets(cursor, buffer, branch, Mic)
    if opened is None or source is None:
        reading.set_summary(NAME, f"APS {APS_TYPES[header.bit('frame_type')]}, encrypted")
        return
    record_opened(reading, opened, source, aux, key_id, receiver)
    inner = reading.open_buffer(opened.clear)
    read_payload(reading, header, reading.cursor(inner, LAYER), inner, None)


def guess_sender(
    reading: Reading, header: ApsHeader, aux: AuxHeader, cursor: Cursor, target: int | None
) -> tuple[OpenedFrame | None, int | None]:
    """Open a frame whose sender's EUI-64 is unknown: it may be one of a pair whose key is held, and the integrity
    code proves it. Returns what was opened, and the sender; both None where none fits."""
    guesses = reading.context.state(Guesses)
    receiver = target if target is not None else reading.destination
    for source, pair in paired_senders(reading.context.keyring, receiver):
        if not guesses.left:
            break
        guesses.left -= 1
        keys = aps_keys(reading.context, aux.bit("key_id"), reading.pan, source, pair, False)
        opened, _ = open_sealed(keys, source, aux, header.start, cursor.data, cursor.end)
        if opened is None:
            continue
        reading.out.columns["aps_sender"] = source
        if target is None and reading.nwk_src is not None:
            reading.source = source
            reading.out.columns["nwk_src_eui64"] = source
            learn_announced(reading, reading.nwk_src, source)
        return opened, source
    return None, None


def record_failure(reading: Reading, tried: list[Key], key_id: int, pair: tuple[int, int | None]) -> None:
    """No key fits: it is the frame's fault where a key has opened frames of this pair since it made itself the
    last one; else a key is missing. A key that was given for the pair is but one candidate."""
    name = pair_name(reading.context, *pair, key_id, reading.raw.number)
    proofs = reading.context.state(KeyProofs)
    proven = any((name, k.value) in proofs.proven for k in tried)
    reading.out.columns["aps_security"] = "bad_mic" if proven else "no_key"
    if proven:
        reading.issue("warning", LAYER, 0, CODE_DOES_NOT_MATCH)
    paired = any(k.devices is not None and set(k.devices) == set(name[0]) for k in tried)
    change = reading.context.state(KeyChanges).description_of(name[0], name[2])
    reading.set_not_opened("aps", link_reason(KEY_IDS[key_id], len(tried), proven, change, paired))


def record_opened(
    reading: Reading, opened: OpenedFrame, source: int, aux: AuxHeader, key_id: int, receiver: int | None
) -> None:
    """Remember what opened the frame; whether its counter is new."""
    columns = reading.out.columns
    reading.out.opened.append(("aps", opened.key))
    columns["aps_key"] = opened.key.origin
    columns["aps_security"] = "ok"
    if not reading.trusted:
        return
    name = pair_name(reading.context, source, receiver, key_id, reading.raw.number)
    reading.context.state(KeyProofs).proven.add((name, opened.key.value))
    again = crc32(columns["aps_digest"].to_bytes(4, "little"))
    use = CounterUse(reading.raw.number, aux.frame_counter, reading.raw.time_ns, again)
    peer = 0 if key_id == NETWORK else peer_of(opened.key, source, receiver, reading.nwk_dst)
    scope = aps_scope(opened.key.value, key_id, peer)
    if reading.context.state(FrameCounters).replayed("aps", source, scope, use, RELAY_NS):
        columns["aps_security"] = "replay"
        reading.set_security_reason("aps", REPLAYED)
        reading.issue("warning", LAYER, aux.start + 1, REPLAYED)


def read_payload(
    reading: Reading, header: ApsHeaderFacts, cursor: Cursor, buffer: str, branch: Field | None
) -> None:
    """An APS payload in clear: a command, a fragment, or application data."""
    kind = header.bit("frame_type")
    if kind == COMMAND:
        read_command(reading, cursor, buffer, branch)
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


def read_command(reading: Reading, cursor: Cursor, buffer: str, branch: Field | None) -> None:
    """An APS command: identifier, fields, and what is learnt from it."""
    identifier = ApsCommandId.read(cursor)
    into = reading.put(identifier, buffer, branch)
    command = identifier.get("command")
    if command is None:
        reading.set_summary(NAME, "Truncated frame")
        return
    reading.out.columns["aps_command"] = command
    name = APS_COMMAND_NAMES.get(command)
    reading.set_summary(NAME, name or "Unknown APS command")
    kind = APS_COMMANDS.get(command)
    if kind is None:
        reading.put_unread(cursor, buffer, into, "APS command without a table")
        return
    layer = kind.read(cursor)
    if command != TUNNEL or layer.error is not None:
        layer.reject_trailing(cursor)
    reading.put(layer, buffer, into)
    reading.out.commands.extend(command_rows(reading, "aps", command, name or "", layer))
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
    if whole is None:
        return
    name = f"reassembled-{sum(n.startswith('reassembled') for n in reading.out.buffers)}"
    reading.out.buffers[name] = whole
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
