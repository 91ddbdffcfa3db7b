"""Keys, verdicts, counters, addresses and fragments over several frames."""

import pytest

from dissectors import dissect_frame
from dissectors.ieee802154.build import build_frame
from dissectors.ieee802154.headers import MacHeader
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.frame import Dissection, RawFrame
from dissectors.model.keyring import InstallCode, Key, Keyring
from dissectors.security.key_proofs import KeyChanges
from dissectors.zigbee.aps.commands import APS_COMMANDS, ApsCommandId
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import NwkHeader
from dissectors.zigbee.security.link_keys import WELL_KNOWN_LINK_KEY, install_code_key
from dissectors.zigbee.security.sealing import seal_aps, seal_nwk
from tests.dissectors.zigbee.examples import (
    HUB,
    LINK_KEY,
    METER,
    METER_SHORT,
    NWK_KEY,
    PAN,
    mac,
    nwk,
    raw,
)

LINK_STATUS = b"\x08\x60"
INSTALL_CODE = bytes.fromhex("83FED3407A939723A5C639B26916D505C3B5")


def holding(*keys: Key) -> HanContext:
    return HanContext(Keyring(list(keys)))


def verdict(out: Dissection) -> str | None:
    return out.columns.get("nwk_security")


def to_meter(payload: bytes) -> bytes:
    """An unsecured NWK frame of the hub to the meter that joins."""
    header = MacHeader(frame_type=1, pan_id_compression=1, dst_mode=2, src_mode=2, dst_pan=PAN)
    header.dst_short, header.src_short = METER_SHORT, 0
    return build_frame(header, bytes(NwkHeader(dst=METER_SHORT, src=0)) + payload)


def transport_key(link_key: bytes | None, key: bytes = NWK_KEY, key_id: str = "key-transport") -> bytes:
    """A network key on its way to the meter: in clear, or under a link key."""
    command = APS_COMMANDS[5](key_type=1, key=key, key_sequence=3, destination=METER, source=HUB)
    body = bytes(ApsCommandId(command=5)) + bytes(command)
    header = ApsHeader(frame_type=1, counter=1)
    if link_key is None:
        return to_meter(bytes(header) + body)
    return to_meter(seal_aps(header, body, link_key, key_id=key_id, eui64=HUB, counter=1))


@pytest.mark.parametrize("case", ["clear", "well-known", "link key", "install code"])
def test_network_key_is_learnt_from_the_join(case: str) -> None:
    install = install_code_key(INSTALL_CODE)
    link = {"clear": None, "well-known": WELL_KNOWN_LINK_KEY, "link key": LINK_KEY, "install code": install}[
        case
    ]
    context = HanContext(Keyring([Key("link", LINK_KEY)], [InstallCode(INSTALL_CODE, METER)]))
    before = dissect_frame(raw(nwk(LINK_STATUS, counter=5, command=True), 1), context)
    assert verdict(before) == "no_key"
    assert before.shut_reason is not None and "0x1a62" in before.shut_reason
    revision = context.keyring.revision
    join = dissect_frame(raw(transport_key(link), 2), context)
    assert [k.value for k in join.learnt] == [NWK_KEY]
    assert context.keyring.revision == revision + 1
    learnt = context.keyring.keys[-1]
    assert (learnt.kind, learnt.pan, learnt.sequence, learnt.first_frame) == ("network", PAN, 3, 2)
    if link is not None:
        assert join.opened[0][0] == "aps" and join.columns["aps_security"] == "ok"
        assert join.columns["aps_key"] == {"link key": "keys.toml"}.get(case, case)
    again = dissect_frame(raw(nwk(LINK_STATUS, counter=5, command=True), 1), context)
    assert verdict(again) == "ok" and again.columns["summary"] == "Link Status"
    dissect_frame(raw(transport_key(link), 2), context)
    assert context.keyring.revision == revision + 1, "the same frame teaches once"


def test_a_damaged_frame_teaches_nothing() -> None:
    context = holding()
    frame = bytearray(transport_key(None))
    frame[-1] ^= 0xFF
    out = dissect_frame(raw(bytes(frame), 1), context)
    assert out.columns["fcs_ok"] is False and out.columns["issue"] == "bad FCS"
    assert not context.keyring.keys and not context.addresses.pairs


def test_wrong_key_and_damaged_frame_are_told_apart() -> None:
    frame = nwk(LINK_STATUS, counter=1, command=True)
    other = dissect_frame(raw(frame, 1), holding(Key("network", LINK_KEY)))
    assert verdict(other) == "no_key" and "none of the 1 network keys" in str(other.shut_reason)
    other = dissect_frame(raw(frame, 1), holding(Key("network", LINK_KEY, pan=PAN)))
    assert verdict(other) == "bad_mic" and "does not match" in str(other.shut_reason)
    context = holding(Key("network", NWK_KEY))
    assert verdict(dissect_frame(raw(frame, 1), context)) == "ok"
    damaged = RawFrame(frame[:-3] + bytes([frame[-3] ^ 1]), "absent", 2)
    assert verdict(dissect_frame(damaged, context)) == "bad_mic"


def test_replay() -> None:
    context = holding(Key("network", NWK_KEY))
    second = 1_000_000_000
    frames = [nwk(LINK_STATUS, counter=n, command=True) for n in (10, 11, 12)]

    def say(frame: bytes, number: int, time_ns: int) -> str | None:
        return verdict(dissect_frame(raw(frame, number, time_ns), context))

    assert [say(f, n + 1, n * second) for n, f in enumerate(frames)] == ["ok"] * 3
    assert say(frames[2], 4, 2 * second + 5_000_000) == "ok", "the MAC sent it again"
    assert say(frames[2], 5, 9 * second) == "replay"
    assert say(frames[0], 6, 10 * second) == "replay"
    assert say(nwk(LINK_STATUS, counter=13, command=True), 7, 11 * second) == "ok"
    # The verdict belongs to the frame, whenever and however often it is read.
    assert say(frames[2], 5, 9 * second) == "replay"
    assert say(frames[0], 1, 0) == "ok"


def test_frames_read_late_have_the_same_verdict() -> None:
    frames = [nwk(LINK_STATUS, counter=n, command=True) for n in (10, 11, 12)]
    context = holding(Key("network", NWK_KEY))
    order = [2, 0, 1]
    verdicts = [verdict(dissect_frame(raw(frames[n], n + 1, n * 10**9), context)) for n in order]
    assert verdicts == ["ok"] * 3


def test_addresses_build_the_aps_nonce() -> None:
    context = holding(Key("network", NWK_KEY), Key("link", LINK_KEY, devices=(HUB, METER)))
    header = ApsHeader(cluster=0x0702, profile=0x0109, counter=9)
    zcl = bytes.fromhex("080100")
    sealed = seal_aps(header, zcl, LINK_KEY, key_id="link", eui64=METER, counter=77, extended_nonce=False)
    plain = NwkHeader(dst=0, src=METER_SHORT)
    hop = 0x00DB1234567890FF
    relayed = mac(seal_nwk(plain, sealed, NWK_KEY, eui64=hop, counter=1))
    unpaired = Keyring([Key("network", NWK_KEY), Key("link", LINK_KEY)])
    first = dissect_frame(raw(relayed, 1), HanContext(unpaired))
    assert first.columns["aps_security"] == "no_key" and "EUI-64" in first.columns["aps_reason"]
    unpaired.addresses[PAN, METER_SHORT] = METER
    told = dissect_frame(raw(relayed, 1), HanContext(unpaired))
    assert told.columns["aps_security"] == "ok", "keys.toml says whose the short address is"
    guessing = HanContext(context.keyring)
    guessed = dissect_frame(raw(relayed, 1), guessing)
    assert guessed.columns["aps_security"] == "ok" and guessed.columns["aps_sender"] == METER
    assert guessing.addresses.eui64(PAN, METER_SHORT) == METER, "the integrity code proves it"
    announce = nwk(LINK_STATUS, counter=2, command=True)
    dissect_frame(raw(announce, 1), context)
    assert context.addresses.eui64(PAN, METER_SHORT) == METER
    out = dissect_frame(raw(nwk(sealed, counter=3, src_eui64_present=0), 2), context)
    assert out.columns["aps_security"] == "ok" and out.columns["aps_sender"] == METER
    assert out.columns["nwk_src_eui64"] == METER


def fragment(number: int, total: int, block: bytes, counter: int, aps_counter: int = 40) -> bytes:
    first = number == 0
    header = ApsHeader(
        counter=aps_counter,
        cluster=0x0704,
        profile=0x0109,
        extended_header=1,
        fragmentation=1 if first else 2,
        block=total if first else number,
    )
    return nwk(bytes(header) + block, counter=counter)


ZCL = bytes.fromhex("090104 0000 0000 ff06 0003 00".replace(" ", ""))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [0, 0, 1, 1, 2], [1, 2, 0]])
def test_fragments_in_any_order(order: list[int]) -> None:
    context = holding(Key("network", NWK_KEY))
    blocks = [ZCL[:4], ZCL[4:8], ZCL[8:]]
    outs = [
        dissect_frame(raw(fragment(n, 3, blocks[n], 100 + i), i + 1), context) for i, n in enumerate(order)
    ]
    wholes = [out.buffers.get("reassembled-0") for out in outs]
    assert [w for w in wholes if w is not None] == [ZCL]
    assert wholes[-1] == ZCL
    again = dissect_frame(
        raw(fragment(order[-1], 3, blocks[order[-1]], 100 + len(order) - 1), len(order)), context
    )
    assert again.buffers.get("reassembled-0") == ZCL, "the frame that completed it gives it again"


def test_fragments_of_two_senders_and_stale_ones() -> None:
    context = holding(Key("network", NWK_KEY))
    minute = 60 * 10**9

    def read(number: int, frame: bytes, time_ns: int = 0) -> bytes | None:
        return dissect_frame(raw(frame, number, time_ns), context).buffers.get("reassembled-0")

    assert read(1, fragment(0, 2, b"\x09\x01", 1, 40)) is None
    assert read(2, fragment(0, 2, b"\x09\x02", 2, 41)) is None
    assert read(3, fragment(1, 2, b"\x04\x00", 3, 41)) == b"\x09\x02\x04\x00"
    assert read(4, fragment(1, 2, b"\x04\x00", 4, 40)) == b"\x09\x01\x04\x00"
    assert read(5, fragment(0, 2, b"\x09\x03", 5, 50), minute) is None
    assert read(6, fragment(1, 2, b"\x04\x00", 6, 50), 2 * minute) is None, "too late"


def test_network_update_carries_the_key_to_the_new_pan() -> None:
    context = holding(Key("network", NWK_KEY, pan=PAN))
    update = b"\x0a\x01" + bytes(8) + b"\x01" + (0x2222).to_bytes(2, "little")
    assert verdict(dissect_frame(raw(nwk(update, counter=1, command=True), 1), context)) == "ok"
    assert {k.pan for k in context.keyring.keys} == {PAN, 0x2222}


def test_tunnelled_transport_key() -> None:
    command = APS_COMMANDS[5](key_type=1, key=LINK_KEY, key_sequence=1, destination=METER, source=HUB)
    inner = seal_aps(
        ApsHeader(frame_type=1, counter=1),
        bytes(ApsCommandId(command=5)) + bytes(command),
        WELL_KNOWN_LINK_KEY,
        key_id="key-transport",
        eui64=HUB,
        counter=1,
    )
    tunnel = bytes(ApsHeader(frame_type=1, counter=2)) + b"\x0e" + METER.to_bytes(8, "little")
    context = holding(Key("network", NWK_KEY))
    out = dissect_frame(raw(nwk(tunnel + inner, counter=1), 1), context)
    assert [k.value for k in out.learnt] == [LINK_KEY]
    assert ("aps", "well-known") in [(layer, key.origin) for layer, key in out.opened]


def test_transport_key_of_z3sec() -> None:
    """A published test frame (Z3sec, hex in an issue) whose last octet of MIC was cut off, sealed again."""
    text = "05 01 00006cf4486c906cd80008fc002c9890 00 932373feff57b414 900b04ffff2e2100"
    header = ApsHeader.read(Cursor(bytes.fromhex("0176")))
    made = seal_aps(
        header,
        bytes.fromhex(text),
        WELL_KNOWN_LINK_KEY,
        key_id="key-transport",
        eui64=0x00212EFFFF040B90,
        counter=2,
    )
    published = "21763002000000900b04ffff2e2100090f1f7c6ce39e68284f58c83ed4cf0a03db2dd8e5f73889b6a54c63e36a02c7cb522df5f889"
    assert made[:-1] == bytes.fromhex(published)


def test_link_keys_are_learnt_for_their_pair() -> None:
    """The trust centre's own link key under the key-load key, then an application link key."""
    fresh, shared = bytes(range(32, 48)), bytes(range(48, 64))
    context = holding(Key("network", NWK_KEY), Key("link", LINK_KEY, devices=(HUB, METER)))
    own = APS_COMMANDS[5](key_type=4, key=fresh, destination=METER, source=HUB)
    with_other = APS_COMMANDS[5](key_type=3, key=shared, partner=HUB, initiator=1)
    for number, command in enumerate((own, with_other), start=1):
        body = bytes(ApsCommandId(command=5)) + bytes(command)
        header = ApsHeader(frame_type=1, counter=number)
        sealed = seal_aps(header, body, LINK_KEY, key_id="key-load", eui64=METER, counter=number)
        out = dissect_frame(
            raw(nwk(sealed, counter=number, dst_eui64_present=1, dst_eui64=HUB), number), context
        )
        assert out.columns["aps_key_id"] == "key-load" and out.columns["aps_security"] == "ok"
    assert {k.value: k.devices for k in context.keyring.keys[2:]} == {fresh: (METER, HUB), shared: (HUB, HUB)}


def aps_to(
    receiver: int, counter: int, aps_counter: int = 1, *, seq: int = 1, value: bytes = LINK_KEY
) -> bytes:
    """An APS frame of the hub under a link key, in a NWK frame of its own to a short address."""
    header = ApsHeader(cluster=0x0702, profile=0x0109, counter=aps_counter)
    sealed = seal_aps(header, bytes.fromhex("080100"), value, key_id="link", eui64=HUB, counter=counter)
    mac_header = MacHeader(frame_type=1, pan_id_compression=1, dst_mode=2, src_mode=2, dst_pan=PAN)
    mac_header.dst_short, mac_header.src_short = receiver, 0
    return build_frame(mac_header, bytes(NwkHeader(dst=receiver, src=0, sequence=seq)) + sealed)


def aps_verdicts(context: HanContext, *frames: bytes, seconds: float = 1.0) -> list[str]:
    outs = [
        dissect_frame(raw(frame, number, int(number * seconds * 1e9)), context)
        for number, frame in enumerate(frames, start=1)
    ]
    return [out.columns["aps_security"] for out in outs]


def test_outgoing_aps_counters_belong_to_a_pair() -> None:
    """05-3474 R22 4.4.1.1: one key value, two partners, two counters."""
    frames = [aps_to(0x1111, 300), aps_to(0x2222, 7, seq=2), aps_to(0x1111, 300, seq=3)]
    assert aps_verdicts(holding(Key("link", LINK_KEY)), *frames, seconds=60) == ["ok", "ok", "replay"]


def test_the_same_aps_octets_in_another_carrier_are_the_same_frame() -> None:
    frames = [aps_to(METER_SHORT, 5, seq=1), aps_to(METER_SHORT, 6, seq=2), aps_to(METER_SHORT, 5, seq=9)]
    context = holding(Key("link", LINK_KEY))
    assert aps_verdicts(context, *frames) == ["ok", "ok", "ok"], "within the time that a relay takes"
    late = aps_verdicts(holding(Key("link", LINK_KEY)), *frames, seconds=60)
    assert late == ["ok", "ok", "replay"]


def test_a_key_of_a_pair_is_one_candidate() -> None:
    """Unless it has opened a frame of the pair, and no key establishment came after it, nothing is the frame's fault."""
    other = bytes(range(16))
    ring = Keyring([Key("network", NWK_KEY), Key("link", other, devices=(HUB, METER))])
    context = HanContext(ring)
    context.addresses.learn(PAN, METER_SHORT, METER)
    assert aps_verdicts(context, aps_to(METER_SHORT, 1)) == ["no_key"]
    context = HanContext(Keyring([Key("link", LINK_KEY, devices=(HUB, METER))]))
    context.addresses.learn(PAN, METER_SHORT, METER)
    frames = [aps_to(METER_SHORT, 1), aps_to(METER_SHORT, 2, value=other)]
    assert aps_verdicts(context, *frames) == ["ok", "bad_mic"]
    context.state(KeyChanges).note(tuple(sorted((HUB, METER))), 3, 2)
    out = dissect_frame(raw(aps_to(METER_SHORT, 3, value=other), 4, 10**10), context)
    assert out.columns["aps_security"] == "no_key"
    assert "CBKE in frame 2" in out.columns["aps_reason"] and "[[cbke]]" in out.columns["aps_reason"]
    before = dissect_frame(raw(frames[1], 2, 2 * 10**9), context)
    assert before.columns["aps_security"] == "bad_mic", "the verdict belongs to the frame"
