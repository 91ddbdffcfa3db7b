"""Several interfaces that hear one network: doubles are recognised, clocks fitted, the order on the air found."""

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from analysis.pipeline.decode import decode
from analysis.pipeline.source import ReopenableSource
from captures import Kind
from tests.captures.builders import T0, crc16, enhanced, interface, pcap, section

SECOND = 1_000_000


def traffic(count: int, seed: int = 1, retries: bool = False) -> list[tuple[int, bytes]]:
    """Microseconds and frames (with FCS) of a network: data and their acknowledgements, now and then a retry."""
    drawn = random.Random(seed)
    out, now = [], 0
    for n in range(count):
        now += drawn.randrange(8_000, 900_000)
        body = (
            b"\x61\x88" + bytes([n % 256]) + b"\x62\x1a\0\0\x34\x12" + drawn.randbytes(drawn.randrange(8, 60))
        )
        copies = 2 if retries and n % 9 == 4 else 1
        out += [(now + copy * 9_000, body + crc16(body)) for copy in range(copies)]
        ack = b"\x02\0" + bytes([n % 256])
        out.append((now + (copies - 1) * 9_000 + 1_500 + len(body) * 32, ack + crc16(ack)))
    return out


@dataclass
class Sniffer:
    """How one interface hears: its clock (seconds, ppm, steps from a second on), what it misses and damages."""

    offset: float = 0.0
    ppm: float = 0.0
    loss: float = 0.0
    damage: float = 0.0
    jitter: float = 0.00005
    steps: list[tuple[float, float]] = field(default_factory=list)

    def stamp(self, at: float) -> float:
        step = sum(by for when, by in self.steps if at >= when)
        return at + self.offset + self.ppm * 1e-6 * at + step


def recording(air: list[tuple[int, bytes]], sniffers: list[Sniffer], *, appended: bool = False) -> bytes:
    """A pcapng file of what they heard, in the order of its arrival, or one sniffer's behind the other's."""
    drawn = random.Random(5)
    rows = []
    for number, sniffer in enumerate(sniffers):
        for at, frame in air:
            if drawn.random() < sniffer.loss:
                continue
            octets = bytearray(frame)
            if drawn.random() < sniffer.damage:
                octets[-3] ^= 0x40
            stamp = sniffer.stamp(at / SECOND) + drawn.random() * sniffer.jitter
            arrival = (number, at) if appended else (0, int(stamp * SECOND))
            rows.append((arrival, stamp, number, bytes(octets)))
    rows.sort(key=lambda row: row[0])
    out = section() + b"".join(interface(195) for _ in sniffers)
    return out + b"".join(enhanced(f, int((T0 + s) * SECOND), n) for _, s, n, f in rows)


def merged(data: bytes, tmp_path: object) -> tuple[list[tuple[int, int, bytes, int]], ReopenableSource]:
    """Kind, time, octets and interface of each row; and the replay."""
    path = tmp_path / "two.pcapng"  # type: ignore[operator]
    path.write_bytes(data)
    replay = ReopenableSource(path)
    rows = []
    with replay.open_merged() as capture:
        for block in capture:
            for row in range(len(block)):
                octets = block.octets(row)
                rows.append(
                    (int(block.kind[row]), int(block.time_ns[row]), octets, int(block.interface[row]))
                )
    return rows, replay


@pytest.mark.parametrize("appended", [False, True])
@pytest.mark.parametrize("ppm", [0.0, 40.0, -80.0])
@pytest.mark.parametrize("offset", [0.0, 0.0004, 2.0, -0.7, -3_600.0, 86_400.0])
def test_clocks_that_differ(offset: float, ppm: float, appended: bool, tmp_path: object) -> None:
    air = traffic(120, retries=True)
    rows, replay = merged(recording(air, [Sniffer(), Sniffer(offset, ppm)], appended=appended), tmp_path)
    on_the_air = [row for row in rows if row[0] == Kind.RADIO]
    assert [row[2] for row in on_the_air] == [frame for _, frame in air]
    assert sum(row[0] == Kind.DOUBLE for row in rows) == len(air)
    assert replay.merging is not None
    (fit,) = replay.merging.doubles.fits
    assert abs(fit.offset - offset) < 0.01
    assert abs(fit.ppm - ppm) < 2
    assert all(b[1] - a[1] > -2_100_000 for a, b in pairwise(rows))


def test_each_hears_what_the_other_misses(tmp_path: object) -> None:
    air = traffic(250)
    rows, _ = merged(recording(air, [Sniffer(loss=0.3), Sniffer(1.5, 20, loss=0.3)]), tmp_path)
    heard = [row[2] for row in rows if row[0] == Kind.RADIO]
    order = {frame: place for place, (_, frame) in enumerate(air)}
    places = [order[frame] for frame in heard]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert len(places) > 0.85 * len(air)


def test_damaged_copies_are_doubles(tmp_path: object) -> None:
    air = traffic(200)
    rows, _ = merged(recording(air, [Sniffer(damage=0.1), Sniffer(-0.25, damage=0.1)]), tmp_path)
    counted = [row[2] for row in rows if row[0] == Kind.RADIO]
    assert len(counted) == len(air)
    good = {frame for _, frame in air}
    assert sum(frame in good for frame in counted) > 0.97 * len(air)


@pytest.mark.parametrize("step", [7.0, -7.0, 0.4])
def test_a_clock_that_is_set(step: float, tmp_path: object) -> None:
    air = traffic(200)
    middle = air[len(air) // 2][0] / SECOND
    rows, replay = merged(
        recording(air, [Sniffer(), Sniffer(0.3, steps=[(middle, step)])], appended=True), tmp_path
    )
    assert sum(row[0] == Kind.DOUBLE for row in rows) >= len(air) - 2
    assert replay.merging is not None
    (fit,) = replay.merging.doubles.fits
    ((_, offset),) = fit.steps
    # a clock that goes back is continued before (`captures.steadying`), so less than the step is left of it
    assert abs(offset - 0.3 - step) < 0.05 if step > 0 else abs(offset) < 1
    assert "was set" in replay.merging.text()


def test_three_sniffers(tmp_path: object) -> None:
    air = traffic(150)
    sniffers = [Sniffer(loss=0.1), Sniffer(2.0, loss=0.1), Sniffer(-5.0, 30, loss=0.1)]
    rows, replay = merged(recording(air, sniffers), tmp_path)
    frames = [row[2] for row in rows if row[0] == Kind.RADIO]
    assert len(frames) == len(set(frames))
    assert replay.merging is not None
    assert [fit.interface for fit in replay.merging.doubles.fits] == [1, 2]


def test_interfaces_that_hear_different_networks(tmp_path: object) -> None:
    rows = recording(traffic(50, 1), [Sniffer()])
    other = [enhanced(frame, T0 * SECOND + at, 1) for at, frame in traffic(50, 2)]
    head = section() + interface(195) * 2
    data = head + rows[len(section() + interface(195)) :] + b"".join(other)
    _, replay = merged(data, tmp_path)
    assert replay.merging is None


def test_a_replay_that_both_hear_is_no_double(tmp_path: object) -> None:
    air = traffic(60)
    again = [(at + 300 * SECOND, frame) for at, frame in air[:30]]
    rows, _ = merged(recording(air + again, [Sniffer(), Sniffer(2.0)]), tmp_path)
    assert sum(row[0] == Kind.RADIO for row in rows) == len(air) + len(again)


def test_two_files_of_one_network_behind_one_another(tmp_path: object) -> None:
    air = traffic(40)
    one = pcap([frame for _, frame in air])
    rows, _ = merged(one + one, tmp_path)
    assert sum(row[0] == Kind.DOUBLE for row in rows) == len(air)


def test_rows_say_which_is_a_double(tmp_path: object) -> None:
    air = traffic(30)
    path = tmp_path / "two.pcapng"  # type: ignore[operator]
    path.write_bytes(recording(air, [Sniffer(), Sniffer(2.0)]))
    decoded = decode(path)
    packets = decoded.packets
    assert len(packets) == 2 * len(air)
    doubles = packets[packets["double_of"].notna()]
    assert len(doubles) == len(air)
    assert set(doubles["interface"]) <= {0, 1}
    assert doubles["mac_type"].isna().all()
    first = packets.set_index("frame").loc[doubles["double_of"].astype("int64")]
    assert (first["length"].to_numpy() == doubles["length"].to_numpy()).all()
    assert any("hear the same network" in note for note in decoded.facts.notes)
