"""Every command that we build, in an encrypted frame: read back by ourselves, and by tshark without "malformed".

The commands that tshark 4.0 does call malformed are listed in tshark_exceptions.csv, with the reason.
"""

import csv
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dissectors import dissect_frame
from dissectors.ieee802154.build import build_frame
from dissectors.ieee802154.headers import MacHeader
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.frame import RawFrame
from dissectors.model.keyring import Key, Keyring
from dissectors.zcl import build_command, catalogue
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import command_values, read_command
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.nwk.headers import NwkHeader
from dissectors.zigbee.security.sealing import seal_nwk
from tests.dissectors.zcl.payloads import fullest, layouts, smallest
from tests.dissectors.zcl.support import METER

NETWORK_KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
EXCEPTIONS = Path(__file__).parent / "tshark_exceptions.csv"
LINKTYPE_802154 = 195


def radio_frame(zcl: bytes, cluster: int, counter: int) -> bytes:
    """The ZCL frame in a secured network frame from the meter to the hub; with its FCS."""
    header = ApsHeader(
        dst_endpoint=1, cluster=cluster, profile=0x0109, src_endpoint=1, counter=counter & 0xFF
    )
    network = NwkHeader(src_eui64_present=1, src_eui64=METER, dst=0, src=0x1001, sequence=counter & 0xFF)
    sealed = seal_nwk(network, bytes(header) + zcl, NETWORK_KEY, eui64=METER, counter=counter + 1)
    mac = MacHeader(
        frame_type=1,
        pan_id_compression=1,
        dst_mode=2,
        src_mode=2,
        sequence=counter & 0xFF,
        dst_pan=0x1A62,
        dst_short=0,
        src_short=0x1001,
    )
    return build_frame(mac, sealed)


def write_pcap(path: Path, frames: list[bytes]) -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_802154)
    records = [struct.pack("<IIII", n, 0, len(f), len(f)) + f for n, f in enumerate(frames)]
    path.write_bytes(head + b"".join(records))


def exceptions() -> dict[tuple[str, str, str, str], str]:
    lines = (line for line in EXCEPTIONS.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {
        (r["cluster"], r["direction"], r["command"], r["size"]): r["reason"] for r in csv.DictReader(lines)
    }


class Sent(NamedTuple):
    """A command of the tables at one of its sizes, and its frame."""

    name: tuple[str, str, str, str]
    command: Command
    values: dict[str, Any]
    zcl: bytes
    frame: bytes


@cache
def sent() -> tuple[Sent, ...]:
    """Every command at its smallest and its fullest, in secured frames."""
    out: list[Sent] = []
    for command in catalogue.commands():
        for layout, specs in layouts(command):
            for size, values in (("smallest", smallest(specs)), ("fullest", fullest(specs))):
                if layout:
                    values["layout"], size = layout, f"{size} {layout}"
                zcl = build_command(
                    command.cluster,
                    command.direction,
                    command.id,
                    values,
                    sequence=len(out) & 0xFF,
                    manufacturer=command.manufacturer,
                )
                name = (f"0x{command.cluster:04X}", command.direction, f"0x{command.id:02X}", size)
                out.append(Sent(name, command, values, zcl, radio_frame(zcl, command.cluster, len(out))))
    return tuple(out)


def test_every_command_comes_back_out_of_a_secured_frame() -> None:
    context = HanContext(Keyring([Key("network", NETWORK_KEY)]))
    for number, one in enumerate(sent(), start=1):
        out = dissect_frame(RawFrame(one.frame, "fcs16", number), context)
        assert out.columns["nwk_security"] == "ok", one.name
        tree = next(field for field in out.fields if field.name == "zcl")
        buffer, start = out.buffers[tree.buffer], tree.offset
        assert buffer[start : tree.end] == one.zcl
        header = 3 if one.command.manufacturer is None else 5
        found = read_command(Cursor(buffer, start + header, tree.end), one.command)
        again = command_values(one.command, found)
        if found.layout == one.values.get("layout", ""):
            assert again == one.values, one.name
        assert not [issue for issue in out.issues if issue.severity == "error"], (one.name, out.issues)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_every_command(tmp_path: Path) -> None:
    path = tmp_path / "commands.pcap"
    write_pcap(path, [one.frame for one in sent()])
    key = f'uat:zigbee_pc_keys:"{NETWORK_KEY.hex()}","Normal",""'
    columns = ("_ws.malformed", "zbee_zcl.cmd.tsn", "_ws.col.Info")
    picked = [word for column in columns for word in ("-e", column)]
    done = subprocess.run(
        ["tshark", "-r", str(path), "-o", key, "-T", "fields", *picked],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = dict(zip((one.name for one in sent()), done.stdout.splitlines(), strict=True))
    unopened = [name for name, line in lines.items() if not line.split("\t")[1]]
    assert not unopened
    malformed = {name: line for name, line in lines.items() if "alformed" in line}
    listed = exceptions()
    unlisted = {name: line for name, line in malformed.items() if name not in listed}
    assert not unlisted, f"{len(unlisted)}: {unlisted}"
    assert set(listed) <= set(malformed), "listed, but tshark reads it"
    assert all(listed.values()), "an exception needs its reason"
