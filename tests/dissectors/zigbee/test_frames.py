"""Frames of every kind: built, dissected, built again, cut anywhere, and read by tshark."""

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from dissectors import dissect_frame
from dissectors.model.context import HanContext
from dissectors.model.field import Field
from dissectors.model.frame import Dissection, RawFrame
from dissectors.model.keyring import Key, Keyring
from tests.dissectors.zigbee.examples import (
    LINK_KEY,
    MAC_KEY,
    NWK_KEY,
    aps,
    examples,
    nwk,
    nwk_command_layers,
    raw,
    zdp_examples,
)

EXAMPLES = list(examples())


def context() -> HanContext:
    keys = [Key("network", NWK_KEY), Key("link", LINK_KEY), Key("mac", MAC_KEY)]
    return HanContext(Keyring(keys))


def uncovered(out: Dissection, buffer: str) -> list[int]:
    """Octets of `buffer` that are in no leaf."""
    seen = bytearray(len(out.buffers[buffer]))
    for leaf in (leaf for branch in out.fields for leaf in branch.leaves() if leaf.buffer == buffer):
        assert 0 <= leaf.offset <= leaf.end <= len(seen)
        seen[leaf.offset : leaf.end] = b"\1" * leaf.length
    return [index for index, octet in enumerate(seen) if not octet]


def whole(out: Dissection) -> None:
    """Every octet is in a leaf, and the layers build the octets that they were read from."""
    for name, octets in out.buffers.items():
        assert not uncovered(out, name)
        if not name.startswith("reassembled"):
            assert out.octets_of(name) == octets
    branches = [branch for branch in out.fields if branch.name != "zcl"]
    nameless = [
        leaf for branch in branches for leaf in branch.leaves() if leaf.meaning is None and leaf.length
    ]
    assert out.issues or not nameless, "what has no name has an issue"


@pytest.mark.parametrize(("name", "octets"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_kind_is_read_whole(name: str, octets: bytes) -> None:
    out = dissect_frame(raw(octets), context())
    whole(out)
    issues = [i for i in out.issues if "without an integrity code" not in i.text]
    assert not issues, issues
    assert out.shut_reason is None or name == "green power secured"
    securities = {out.columns.get(f"{layer}_security", "none") for layer in ("mac", "nwk", "aps")}
    assert securities <= ({"none", "no_key"} if name == "green power secured" else {"none", "ok"})
    assert not any(f.name == "undissected" for branch in out.fields for f in branch.walk())


NAMES = {
    "touchlink scan": "touchlink",
    "inter-PAN price": "ZCL",
    "green power data": "Green Power",
    "green power secured": "Green Power",
    "thread beacon": "Beacon",
}


def test_application_data_in_an_authenticated_mac_frame_are_read_once() -> None:
    """MAC security level 2 leaves the payload in clear: the ZCL frame is in one leaf and one layer."""
    octets = bytes.fromhex(
        "49dc00621a009078563412db00000001e314853c4f 42d5ac94cb 4400000000010000 000600cacacacaca cacacaca 8430781f39d0ebf0"
    )
    out = dissect_frame(RawFrame(octets), context())
    whole(out)
    assert [leaf.name for top in out.fields for leaf in top.leaves() if leaf.offset == 0x2D] == ["payload"]


def test_stub_frames_have_their_names() -> None:
    frames = dict(EXAMPLES)
    assert {n: dissect_frame(raw(frames[n]), context()).columns["protocol"] for n in NAMES} == NAMES


@pytest.mark.parametrize(("name", "octets"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_cut_anywhere_it_is_read_as_far_as_it_goes(name: str, octets: bytes) -> None:
    for length in range(len(octets)):
        for trailer in ("absent", "fcs16"):
            whole(dissect_frame(RawFrame(octets[:length], trailer), context()))


def test_plain_payloads_cut_anywhere() -> None:
    """Below a network key a cut frame stays shut; so the upper layers are cut inside an intact one."""
    held = context()
    for cluster, _, payload in zdp_examples():
        for length in range(len(payload)):
            frame = aps(
                payload[:length], counter=1, cluster=cluster, profile=0, dst_endpoint=0, src_endpoint=0
            )
            whole(dissect_frame(raw(frame), held))
    for command, layer in nwk_command_layers():
        body = bytes([command]) + bytes(layer)
        for length in range(len(body)):
            whole(dissect_frame(raw(nwk(body[:length], counter=1, command=True)), held))


def test_values_come_back() -> None:
    """What a field was built with is what it is read as."""
    frames = dict(EXAMPLES)
    out = dissect_frame(raw(frames["nwk Link Power Delta"]), context())
    assert find(out, "power_delta").value == -3
    out = dissect_frame(raw(frames["zdp Match_Desc_req"]), context())
    assert find(out, "input_clusters").children[1].value == 2
    out = dissect_frame(raw(frames["transport key 1"]), context())
    key = find(out, "key")
    assert key.value == bytes(range(16, 32))
    assert key.secret and key.to_json()["value"] == "hidden"
    assert not any("value" in row and row.get("field") == "key" and row["value"] for row in out.commands)


def find(out: Dissection, name: str) -> Field:
    found = next((f for branch in out.fields if (f := branch.find(name))), None)
    assert found is not None
    return found


def write_pcap(path: Path, frames: list[bytes]) -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195)
    body = b"".join(
        struct.pack("<IIII", n // 1000, n % 1000 * 1000, len(f), len(f)) + f for n, f in enumerate(frames)
    )
    path.write_bytes(head + body)


TSHARK_DIFFERS = {
    "zdp End_Device_Bind_req": "tshark 4.0.17 reads the cluster counts as two octets; R22 2.4.3.2.1 has one",
}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same_frames(tmp_path: Path) -> None:
    path = tmp_path / "frames.pcap"
    write_pcap(path, [octets for _, octets in EXAMPLES])
    keys = [
        f'uat:zigbee_pc_keys:"{key.hex()}","Normal","{name}"'
        for key, name in ((NWK_KEY, "n"), (LINK_KEY, "l"))
    ]
    fields = [
        "frame.number",
        "_ws.malformed",
        "wpan.cmd",
        "zbee_nwk.cmd.id",
        "zbee_aps.cmd.id",
        "zbee_aps.zdp_cluster",
    ]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]
    command += [a for key in keys for a in ("-o", key)] + [a for f in fields for a in ("-e", f)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    held, wrong = context(), []
    for (name, octets), line in zip(EXAMPLES, text.splitlines(), strict=True):
        columns = dissect_frame(raw(octets), held).columns
        _, malformed, mac, nwk, aps, zdp = line.split("|")
        ours = [columns.get(c) for c in ("mac_command", "nwk_command", "aps_command")]
        theirs = [int(v, 16) if v else None for v in (mac, nwk, aps)]
        cluster = columns.get("aps_cluster") if columns["protocol"] == "ZDP" else None
        if malformed or ours != theirs or (zdp and int(zdp, 16) != cluster):
            wrong.append((name, malformed, ours, theirs, zdp))
    assert not [w for w in wrong if w[0] not in TSHARK_DIFFERS], wrong


def test_spoilt_octets_are_read_as_far_as_they_go() -> None:
    """Any octets, with and without a key that opens what is inside: nothing is raised, nothing is lost."""
    chance, held = random.Random(154), context()
    for _ in range(6):
        for _, octets in EXAMPLES:
            spoilt = bytearray(octets)
            for _ in range(chance.randint(1, 3)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            whole(dissect_frame(RawFrame(bytes(spoilt), chance.choice(["absent", "fcs16", "ti"])), held))
    for counter in range(1500):
        inner = chance.randbytes(chance.randint(0, 40))
        whole(dissect_frame(raw(nwk(inner, counter=counter, command=counter % 2 == 0)), held))
        whole(dissect_frame(RawFrame(inner), held))
