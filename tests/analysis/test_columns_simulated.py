"""Homes with their faults, and payloads of every kind, whole, cut and damaged: in columns as one by one.

`make test` plays some scenes; ``HANSCOPE_ALL_FAULTS=1`` plays every scenario and every fault (minutes)."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.columns import frame_batches
from captures.simulated.scenarios import SCENARIOS, simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from dissectors.zcl import catalogue
from dissectors.zigbee.zdp.read import zdp_names
from tests.analysis.fault_matrix import rows_meant
from tests.analysis.test_columns import assert_equal, bench_keys, decoded, one_by_one
from tests.benchmarks.traffic import CASES, START_US, Network, fcs, key, sealed
from tests.key_files import key_file

ALL = bool(os.environ.get("HANSCOPE_ALL_FAULTS"))
LINK_KEY = bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
SOME = {
    "install-day": {"seconds": 500.0},
    "hub-swap": {"seconds": 400.0},
    "key-update": {"seconds": 700.0},
    "proving-exercise": {"seconds": 900.0, "use_cases": ("0x0019", "0x0035", "0x0048", "0x0067")},
}
SCENES: dict[str, dict[str, Any]] = {name: {"seconds": 3600.0} for name in SCENARIOS} if ALL else SOME
FAULTS = sorted(rows_meant())[:: 1 if ALL else 12]


def compare(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: dict[str, Any], size: int) -> None:
    han = simulate(seed=17, **settings)
    capture, keys = folder / "home.pcapng", folder / "keys.toml"
    write_han(han, capture)
    ring = read_keys(key_file(keys, keys_text(han)))
    expected = decoded(monkeypatch, one_by_one, capture, ring)
    assert_equal(expected, decoded(monkeypatch, frame_batches, capture, ring))
    # In smaller blocks, and with the tables only that most people ask for.
    some = ("packets", "attributes")
    assert_equal(expected, decoded(monkeypatch, frame_batches, capture, ring, size, some), some)


@pytest.mark.parametrize("scenario", sorted(SCENES))
def test_homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenario: str) -> None:
    compare(monkeypatch, tmp_path, {"name": scenario, **SCENES[scenario]}, 100)


@pytest.mark.parametrize("fault", FAULTS)
def test_homes_with_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str) -> None:
    row = rows_meant()[fault]
    seconds = row.seconds if ALL else min(row.seconds, 1200)
    compare(monkeypatch, tmp_path, {"name": row.scenario, "seconds": seconds, "faults": (fault,)}, 777)


CLUSTER_COMMANDS = sorted(
    {
        (one.cluster, one.direction == "to-client", one.id)
        for one in catalogue.commands()
        if one.manufacturer is None
    }
)


def zcl(rng: random.Random) -> tuple[int, bytes]:
    """A cluster and a ZCL frame of it: a command of the tables, its payload any octets."""
    cluster, to_client, command = rng.choice(CLUSTER_COMMANDS)
    if rng.random() < 0.3:
        cluster, to_client, command = 0x0704, *rng.choice([(False, 2), (True, 1), (False, 0), (True, 0)])
    payload = rng.randbytes(rng.choice((0, 1, 2, 3, 5, 8, 13, 21, 34)))
    if rng.random() < 0.3:
        payload = bytes(octet & 0x0F for octet in payload)
    if rng.random() < 0.2:
        return cluster, bytes(
            (rng.choice((0x00, 0x08, 0x18)), rng.randrange(256), rng.randrange(23))
        ) + payload
    if cluster == 0x0704 and rng.random() < 0.7:
        payload = b"\x01\0" + rng.choice((b"", b"\x01", b"\x03", b"\x02\0")) + rng.choice(MESSAGES)
    control = rng.choice((0x01, 0x11, 0x01, 0x11, 0x05, 0x02, 0x21)) | to_client << 3
    return cluster, bytes((control, rng.randrange(4), command)) + payload


MESSAGES = (
    b"",
    bytes.fromhex("dd 000000000000 05 1100000000"),
    bytes.fromhex("dd 000000000000 15 1100000000"),
    bytes(16),
    bytes.fromhex("dd 00"),
    bytes.fromhex("0001 0001 0001 0002 c001"),
)


def payloads(rng: random.Random) -> Iterator[bytes]:
    """APS frames of every kind, in clear: data, fragments, acknowledgements, ZDP, commands; some cut."""
    counter = 0
    while True:
        counter = counter + 1 & 0xFF
        kind = rng.random()
        if kind < 0.2:
            cluster = rng.choice([*zdp_names(), 0x7777])
            head = struct.pack("<BBHHBB", 0x40, 0, cluster, 0, 0, counter)
            yield head + rng.randbytes(1) + rng.randbytes(rng.choice((0, 1, 3, 4, 8, 12, 20)))
        elif kind < 0.6:
            cluster, frame = zcl(rng)
            group = rng.random() < 0.1
            head = struct.pack("<BHHHBB", 0x0C, 7, cluster, 0x0109, 1, counter)
            yield (head if group else struct.pack("<BBHHBB", 0x40, 1, cluster, 0x0109, 1, counter)) + frame
        elif kind < 0.9:
            cluster, frame = zcl(rng)
            size = max(1, len(frame) // rng.randrange(1, 4))
            blocks = [frame[at : at + size] for at in range(0, len(frame), size)]
            for number, block in enumerate(blocks):
                extension = bytes((1, len(blocks)) if number == 0 else (2, number))
                yield struct.pack("<BBHHBB", 0xC0, 1, cluster, 0x0109, 1, counter) + extension + block
                yield struct.pack("<BBHHBB", 0x82, 1, cluster, 0x0109, 1, counter) + extension + b"\xff"
        else:
            yield rng.choice(
                (b"", b"\x02\x01", b"\x12\x05", b"\x01\x05\x08" + rng.randbytes(16), b"\x92\x05\x00")
            )


def fuzzed(rng: random.Random, count: int) -> Iterator[bytes]:
    """Frames under the network key around those payloads; one in six cut or damaged before it is sealed."""
    network = Network(rng, 0x1000, key(0), LINK_KEY)
    some = payloads(rng)
    for _ in range(count):
        text = next(some)
        if rng.random() < 0.08:
            text = text[: rng.randrange(len(text) + 1)]
        elif text and rng.random() < 0.08:
            at = rng.randrange(len(text))
            text = text[:at] + bytes((text[at] ^ 1 << rng.randrange(8),)) + text[at + 1 :]
        source, destination = rng.sample(network.nodes[:4], 2)
        network.count("mac", source, 8)
        body = sealed(network, source, destination, source, destination, 0, text, rng)
        yield body + struct.pack("<H", fcs(body))


@pytest.mark.parametrize("trailer", [True, False], ids=["fcs", "without fcs"])
@pytest.mark.parametrize("seed", range(30 if ALL else 2))
def test_payloads_of_every_kind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int, trailer: bool
) -> None:
    path = tmp_path / "fuzzed.pcap"
    size, count = (1, 250) if seed == 0 else (100 * seed, 1000)
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195 if trailer else 230))
        for number, frame in enumerate(fuzzed(random.Random(seed), count)):
            octets = frame if trailer else frame[:-2]
            seconds, micros = divmod(START_US + number * 20_000, 1_000_000)
            out.write(struct.pack("<IIII", seconds, micros, len(octets), len(octets)) + octets)
    ring = bench_keys(CASES[0])
    expected = decoded(monkeypatch, one_by_one, path, ring)
    assert len(expected.table("commands")) > count // 4
    assert_equal(expected, decoded(monkeypatch, frame_batches, path, ring, size))
