"""The fast forms of the simulated network build the same octets as the layers do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.ieee802154.headers import MacHeader
from dissectors.zigbee import assemble
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import NwkHeader
from dissectors.zigbee.security.link_keys import key_load_key, key_transport_key
from dissectors.zigbee.security.sealing import seal_aps, seal_nwk

short, octet = st.integers(0, 0xFFFF), st.integers(0, 255)
wide, counter = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(octet, short, wide, wide, st.booleans(), st.booleans(), st.booleans(), st.binary(max_size=40))
def test_mac_data(seq, pan, dst, src, ack, far, near, payload) -> None:
    modes = {
        "dst_mode": 3 if far else 2, "src_mode": 3 if near else 2, "ack_request": int(ack), "frame_type": 1,
        "pan_id_compression": 1, "sequence": seq, "dst_pan": pan,
        "dst_eui64" if far else "dst_short": dst if far else dst & 0xFFFF,
        "src_eui64" if near else "src_short": src if near else src & 0xFFFF,
    }  # fmt: skip
    dst, src = (dst if far else dst & 0xFFFF), (src if near else src & 0xFFFF)
    fast = assemble.mac_data(seq, pan, dst, src, payload, ack=ack, dst_extended=far, src_extended=near)
    assert fast == bytes(MacHeader(**modes)) + payload


@settings(max_examples=60, deadline=None)
@given(
    short,
    short,
    octet,
    octet,
    st.none() | wide,
    st.none() | wide,
    st.booleans(),
    st.binary(max_size=40),
    counter,
)
def test_secured_nwk(dst, src, seq, radius, to, by, command, payload, count) -> None:
    fast = assemble.nwk_header(dst, src, seq, radius=radius, command=command, dst_eui64=to, src_eui64=by)
    layer = NwkHeader(
        frame_type=int(command), dst=dst, src=src, radius=radius, sequence=seq, security=1,
        dst_eui64_present=int(to is not None), src_eui64_present=int(by is not None),
        dst_eui64=to or 0, src_eui64=by or 0,
    )  # fmt: skip
    assert fast == bytes(layer)
    key = bytes(range(16))
    sealed = assemble.secure_nwk(fast, payload, key, counter=count, source=0x1122, key_seq=3)
    assert sealed == seal_nwk(layer, payload, key, eui64=0x1122, counter=count, key_sequence=3)


KEYS = {
    "link": (assemble.KEY_LINK, lambda key: key),
    "key-transport": (assemble.KEY_TRANSPORT, key_transport_key),
    "key-load": (assemble.KEY_LOAD, key_load_key),
}


@pytest.mark.parametrize("key_id", KEYS)
@settings(max_examples=40, deadline=None)
@given(
    short, short, octet, octet, octet, st.booleans(), st.none() | st.tuples(st.integers(0, 9), octet), counter
)
def test_secured_aps(
    key_id, cluster, profile, source, destination, count, ack, fragment, frame_counter
) -> None:
    fast = assemble.aps_data(
        cluster, profile, source, destination, count, ack=ack, secured=True, fragment=fragment
    )
    layer = ApsHeader(
        frame_type=0, security=1, ack_request=int(ack), extended_header=int(fragment is not None),
        dst_endpoint=destination, cluster=cluster, profile=profile, src_endpoint=source, counter=count,
    )  # fmt: skip
    if fragment is not None:
        block, blocks = fragment
        layer.fragmentation = 1 if block == 0 else 2
        layer.block = blocks if block == 0 else block
    assert fast == bytes(layer)
    key = bytes(range(16))
    number, derive = KEYS[key_id]
    sealed = assemble.secure_aps(fast, b"zcl", derive(key), counter=frame_counter, source=7, key_id=number)
    assert sealed == seal_aps(layer, b"zcl", key, key_id=key_id, eui64=7, counter=frame_counter)
