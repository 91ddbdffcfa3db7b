"""tshark reads every command that we build, in one capture, without "malformed"; exceptions are listed."""

import csv
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from dissectors.zcl import build_command, catalogue
from tests.dissectors.zcl.payloads import fullest, layouts, smallest

EXCEPTIONS = Path(__file__).parent / "tshark_exceptions.csv"
LINKTYPE_NOFCS = 230


def radio_frame(zcl: bytes, cluster: int, counter: int) -> bytes:
    """The ZCL frame in unsecured APS, NWK and MAC headers (ZigBee 05-3474, 2.2.5 and 3.3.1)."""
    mac = bytes((0x41, 0x88, counter & 0xFF)) + struct.pack("<HHH", 0x1A62, 0x0000, 0x1001)
    nwk = struct.pack("<HHHBB", 0x0008, 0x0000, 0x1001, 30, counter & 0xFF)
    aps = struct.pack("<BBHHBB", 0x00, 1, cluster, 0x0109, 1, counter & 0xFF)
    return mac + nwk + aps + zcl


def write_pcap(path: Path, frames: list[bytes]) -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_NOFCS)
    records = [struct.pack("<IIII", n, 0, len(f), len(f)) + f for n, f in enumerate(frames)]
    path.write_bytes(head + b"".join(records))


def exceptions() -> dict[tuple[str, str, str, str], str]:
    lines = (line for line in EXCEPTIONS.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {
        (r["cluster"], r["direction"], r["command"], r["size"]): r["reason"] for r in csv.DictReader(lines)
    }


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_every_command(tmp_path: Path) -> None:
    names: list[tuple[str, str, str, str]] = []
    frames: list[bytes] = []
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
                    sequence=len(frames) & 0xFF,
                    manufacturer=command.manufacturer,
                )
                frames.append(radio_frame(zcl, command.cluster, len(frames)))
                names.append((f"0x{command.cluster:04X}", command.direction, f"0x{command.id:02X}", size))
    path = tmp_path / "commands.pcap"
    write_pcap(path, frames)
    done = subprocess.run(
        [
            "tshark",
            "-r",
            str(path),
            "-T",
            "fields",
            "-e",
            "_ws.malformed",
            "-e",
            "zbee_zcl.cs.cmd.id",
            "-e",
            "_ws.col.Info",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(frames)
    malformed = {name: line for name, line in zip(names, lines, strict=True) if "alformed" in line}
    listed = exceptions()
    unlisted = {name: line for name, line in malformed.items() if name not in listed}
    assert not unlisted, f"{len(unlisted)}: {unlisted}"
    assert set(listed) <= set(malformed), "listed, but tshark reads it"
    assert all(listed.values()), "an exception needs its reason"
