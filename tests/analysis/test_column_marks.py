"""Marks beside small columns: what stands where a MAC sequence number or an endpoint would stand is no octet,
so that it must not be squeezed into a column of octets (numpy below 2.5 made 0 of it, without a word)."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from analysis.pipeline.columns import frame_batches, stateless_layers
from analysis.pipeline.rows import dissect_rows
from analysis.pipeline.session import Session
from captures import open_capture
from captures.block import FrameBlock, cut
from dissectors.model.keyring import Key, Keyring
from dissectors.zigbee.columns.read import read_frames
from dissectors.zigbee.columns.stateless_layers import BROADCAST
from tests.benchmarks.traffic import Network, fcs, key, sealed

LINK = bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
OTHER, HERE = 0x1A01, 0x1A02


def block_of(folder: Path, *frames: bytes) -> FrameBlock:
    path = folder / "frames.pcap"
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195))
        for number, frame in enumerate(frames):
            whole = frame + struct.pack("<H", fcs(frame))
            out.write(struct.pack("<IIII", 1_700_000_000, 20_000 * number, *[len(whole)] * 2) + whole)
    with open_capture(path) as capture:
        return next(iter(capture))


def network() -> Network:
    made = Network(random.Random(7), 0x1000, key(0), LINK)
    made.nodes[1:3] = [OTHER, HERE]
    return made


def session_of() -> Session:
    return Session(Keyring([Key("network", key(0))]))


def frame(home: Network, destination: int, aps: bytes, mac_seq: int, hop_to: int = 0xFFFF) -> bytes:
    home.counters["mac", OTHER] = mac_seq
    return sealed(home, OTHER, hop_to, OTHER, destination, 0, aps, random.Random(1))


def data(delivery: int, address: bytes) -> bytes:
    """APS data of the Metering cluster: a client's Read Attributes."""
    head = struct.pack("<B", delivery << 2) + address + struct.pack("<HHBB", 0x0702, 0x0109, 1, 5)
    return head + bytes((0x00, 9, 0x00)) + struct.pack("<H", 0x0000)


@pytest.mark.parametrize("mac_seq", [0, 7])
def test_a_broadcast_has_no_sequence_number_of_its_own(tmp_path: Path, mac_seq: int) -> None:
    home = network()
    broadcast = frame(home, 0xFFFD, data(2, b"\xff"), mac_seq)
    unicast = frame(home, HERE, data(0, b"\x01"), mac_seq, HERE)
    stateless = stateless_layers(block_of(tmp_path, broadcast, unicast), session_of())
    assert stateless.mark.tolist() == [BROADCAST, mac_seq]
    assert BROADCAST > 0xFF, "no sequence number"


def test_a_broadcast_that_comes_again_is_no_replay_to_either_path(tmp_path: Path) -> None:
    """Columns remember the first copy; the one-frame path meets the second, under another MAC sequence number."""
    home = network()
    first = frame(home, 0xFFFD, data(2, b"\xff"), 7)
    second = first[:2] + b"\x08" + first[3:]
    block, session = block_of(tmp_path, first, second), session_of()
    for _, batches in frame_batches(cut(block, 0, 1), session):
        assert batches["packets"].column("nwk_security").to_pylist() == ["ok"]
    rows = dissect_rows(cut(block, 1, 2), session)
    assert [row["nwk_security"] for row in rows.of("packets")] == ["ok"]


def test_a_group_has_no_endpoint(tmp_path: Path) -> None:
    home = network()
    grouped = frame(home, 0xFFFD, data(3, struct.pack("<H", 0x0A0B)), 7)
    single = frame(home, HERE, data(0, b"\x01"), 8, HERE)
    block, session = block_of(tmp_path, grouped, single), session_of()
    frames = read_frames(
        stateless_layers(block, session), block.number, block.time_ns, session.context, ("attributes",)
    )
    assert frames.done.all()
    owners = frames.scales[-1].owners
    assert [owners.endpoints[place][1] for place in owners.place.tolist()] == [None, 1]


def test_a_replay_shows_no_addresses_to_either_path(tmp_path: Path) -> None:
    """Sent again by somebody else, a frame says nothing of who has that somebody's short address."""
    home, attacker = network(), 0x1BAD
    first = frame(home, HERE, data(0, b"\x01"), 7, HERE)
    again = first[:2] + b"\x08" + first[3:7] + struct.pack("<H", attacker) + first[9:]
    block = block_of(tmp_path, first, again)
    columns, singly = session_of(), session_of()
    for _, batches in frame_batches(block, columns):
        assert batches["packets"].column("nwk_security").to_pylist() == ["ok", "replay"]
    assert [row["nwk_security"] for row in dissect_rows(block, singly).of("packets")] == ["ok", "replay"]
    for session in (columns, singly):
        assert session.context.addresses.eui64(home.pan, OTHER) is not None
        assert session.context.addresses.eui64(home.pan, attacker) is None
