"""Scapy's door: our layers as Scapy's, and the GBCS and DLMS dissectors fed from Scapy's payloads."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from scapy.packet import Packet
from scapy.utils import rdpcap

import dissectors
from analysis.keys.keyfile import read_keys
from captures import FcsState, TrailerKind, captured_frames, open_capture
from dissectors import dissect_frame, dlms, gbcs, scapy
from dissectors.layout import Layer
from dissectors.model.context import HanContext
from dissectors.model.field import Field
from dissectors.model.frame import RawFrame
from dissectors.model.keyring import Keyring
from dissectors.scapy import DLMS, GBCS, ZCL, Opened, Sniffed, dissect, sealed, stack
from tests.dissectors.zigbee.examples import examples, raw
from tests.dissectors.zigbee.test_frames import context

EXAMPLES = dict(examples())
SAMPLES = Path(__file__).parents[3] / "captures" / "samples"
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
TRAILERS = {TrailerKind.FCS16: "fcs16", TrailerKind.FCS32: "fcs32", TrailerKind.TI: "ti"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kind_of_frame_is_built_again(name: str) -> None:
    packet = stack(dissect_frame(raw(EXAMPLES[name]), context()))
    assert bytes(packet) == EXAMPLES[name]
    assert packet.show(dump=True) and packet.summary()
    if name.startswith("mac level"):
        with pytest.raises(ValueError, match="cannot be closed"):
            sealed(packet)
    else:
        assert bytes(sealed(packet)) == EXAMPLES[name]


def test_layers_have_scapys_manners() -> None:
    frame = stack(dissect_frame(raw(EXAMPLES["nwk Link Status"]), context()))
    assert isinstance(frame, Packet) and frame.haslayer(scapy.NwkHeader) and frame.haslayer("ZigBee NWK")
    assert frame["ZigBee NWK"].radius == 30 and frame["Link Status"].link_count == 2
    assert "neighbour" in frame.show(dump=True)
    frame["ZigBee NWK"].radius = 29
    assert bytes(frame) != EXAMPLES["nwk Link Status"]
    header = scapy.NwkHeader(dst=1, security=1)
    assert header.security == 1 and scapy.NwkHeader(bytes(header)).dst == 1


def test_a_change_behind_encryption_is_closed_again() -> None:
    frame = stack(dissect_frame(raw(EXAMPLES["nwk Link Status"]), context()))
    frame["Link Status"].links[0].neighbour = 0x1234
    changed = bytes(sealed(frame))
    assert changed != EXAMPLES["nwk Link Status"] == bytes(frame)
    again = stack(dissect_frame(raw(changed), context()))
    assert again["Link Status"].links[0].neighbour == 0x1234


def leaves(fields: list[Field], buffer: str) -> Iterator[tuple[int, int]]:
    for field in fields:
        for leaf in field.leaves():
            if leaf.buffer == buffer and leaf.length and leaf.bits is None:
                yield leaf.offset, leaf.length


def same_as_our_tree(packet: Packet) -> int:
    """The message layers of a stack against the tree of the same octets; how many there were."""
    count = 0
    for kind, module in ((GBCS, gbcs), (DLMS, dlms)):
        layer = packet.getlayer(kind)
        if layer is not None:
            octets = layer.self_build()
            found = module.dissect_message(octets)
            shown = {(f.leaf.offset, f.leaf.length) for f in layer.fields_desc if f.leaf.length}
            assert set(leaves(found.fields, "message")) <= shown
            count += 1
    return count


def test_rdpcap_to_gbcs() -> None:
    packets = rdpcap(str(SAMPLES / "gbcs-messages.pcapng"))
    read = list(dissect(packets, read_keys(SAMPLES / "gbcs-messages.keys.toml")))
    assert len(read) == len(packets) == 295
    assert sum(map(same_as_our_tree, read)) >= 7
    first = next(packet for packet in read if packet.haslayer(GBCS))
    assert first.haslayer(ZCL) and first.haslayer(Opened)
    assert first[GBCS].grouping_header_message_code == 39
    first[GBCS].grouping_header_message_code = 40
    assert bytes(first[GBCS])[61:63] == b"\x00\x28" or b"\x00\x28" in bytes(first[GBCS])
    with pytest.raises(ValueError, match="same"):
        first[GBCS].mac = b""
        bytes(first[GBCS])


def test_no_key_is_shown() -> None:
    frame = stack(dissect_frame(raw(EXAMPLES["transport key 1"]), context()))
    assert bytes(range(16, 32)).hex() not in frame.show(dump=True)
    assert "hidden" in frame.show(dump=True)


def test_every_shared_capture(shared_capture: Path, shared: Path) -> None:
    """The first thousand frames: built again, and payloads read as our own dissection reads them."""
    keys = read_keys(shared / "captures" / "keys.toml")
    through, ours = Sniffed(keys), HanContext(Keyring(list(keys.keys)))
    with open_capture(shared_capture) as capture:
        block = next(iter(capture), None)
    for number, frame in enumerate(captured_frames(block) if block is not None else (), 1):
        if number > 1000:
            break
        if frame.link_type is not None or frame.fcs == FcsState.BAD:
            continue
        trailer = TRAILERS.get(frame.trailer, "absent")
        packet = through.dissect(frame.octets, trailer=trailer, time_ns=frame.time_ns)  # type: ignore[arg-type]
        assert bytes(packet) == frame.octets
        found = dissect_frame(RawFrame(frame.octets, trailer, number, frame.time_ns), ours)  # type: ignore[arg-type]
        assert found.columns.get("protocol") == through.found.columns.get("protocol")
        assert len(found.payload) == len(through.found.payload)
        same_as_our_tree(packet)


def test_no_two_layers_have_one_name() -> None:
    """The door finds a layer by the name of its class, whatever was imported first."""
    for module in walk_packages(dissectors.__path__, "dissectors."):
        import_module(module.name)
    names, todo = Counter[str](), [Layer]
    while todo:
        for kind in todo.pop().__subclasses__():
            names[kind.__name__] += kind.__module__.startswith("dissectors.")
            todo.append(kind)
    assert [name for name, times in names.items() if times > 1] == []
