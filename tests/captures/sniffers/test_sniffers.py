"""Each sniffer against what its firmware speaks."""

import io
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from captures import CapturedFrame, FcsState, TrailerKind, open_capture
from captures.errors import CaptureError
from captures.sniffers import SniffedFrame, open_sniffer
from captures.sniffers.clock import DeviceClock, Unwrapped
from captures.sniffers.ezsp import EzspDecoder
from captures.sniffers.nordic import NordicDecoder
from captures.sniffers.recorder import Ring, record
from captures.sniffers.source import UsbSniffer
from captures.sniffers.ti_cc2531 import Cc2531Decoder, Cc2531Device
from captures.sniffers.ti_smartrf import SmartRfDecoder, centre_khz
from tests.captures.sniffers import stand_ins
from tests.captures.sniffers.stand_ins import DATA, Firmware

SECOND = 10**9


def heard(sniffer, count: int, seconds: float = 10) -> list[CapturedFrame]:
    frames, ends = [], time.monotonic() + seconds
    for frame in sniffer.frames():
        if frame is not None:
            frames.append(frame)
        if len(frames) == count or time.monotonic() > ends:
            break
    sniffer.close()
    return frames


def test_nrf_over_a_pseudo_terminal() -> None:
    lines = [stand_ins.nrf_line(DATA + bytes([n]), time_us=n * 100) for n in range(50)]

    def reply(said: bytes) -> list[bytes]:
        return [b"uart:~$ \r\n", *lines] if said.endswith(b"receive\r\n") else []

    with Firmware(reply) as firmware:
        frames = heard(open_sniffer(f"nrf:{firmware.name}", channel=20), 50)
    assert b"channel 20\r\n" in firmware.said
    assert [f.octets for f in frames] == [DATA + bytes([n]) for n in range(50)]
    assert {(f.channel, f.page, f.rssi, f.lqi, f.fcs) for f in frames} == {(20, 0, -61, 188, FcsState.GOOD)}
    assert all(a.time_ns <= b.time_ns for a, b in itertools.pairwise(frames))


def test_zephyr_over_a_pseudo_terminal() -> None:
    def reply(said: bytes) -> list[bytes]:
        noise = [b"[00:00:01.000] <inf> net: log line\r\n", b"psdu: 0 power: x lqi: 1 time: 2\r\n"]
        frame = stand_ins.zephyr_line(DATA, power=-32768)
        return [*noise, frame] if said.endswith(b"receive\r\n") else []

    with Firmware(reply) as firmware:
        (frame,) = heard(open_sniffer(f"zephyr:{firmware.name}", channel=11), 1)
    assert (frame.octets, frame.rssi, frame.device_ns) == (DATA, None, 5_000_000_000_000)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_nrf_octet_by_octet(step: int) -> None:
    troubles: list[str] = []
    stream = stand_ins.nrf_line(DATA) + b"received: zz\r\n" + stand_ins.nrf_line(DATA[:5], time_us=2**32 - 1)
    stream += stand_ins.nrf_line(DATA, time_us=7)
    decoder = NordicDecoder(11, troubles.append)
    frames = [f for i in range(0, len(stream), step) for f in decoder.feed(stream[i : i + step], 0)]
    assert [f.octets for f in frames] == [DATA, DATA[:5], DATA]
    assert [f.device_ns for f in frames] == [1000, -1000, 7000] or frames[-1].device_ns > frames[0].device_ns
    assert len(troubles) == 1


@pytest.mark.parametrize("sub_ghz", [False, True])
def test_smartrf_over_a_pseudo_terminal(sub_ghz: bool) -> None:
    packets = [stand_ins.smartrf_data(DATA, 1_000 + n, sub_ghz=sub_ghz) for n in range(20)]

    def reply(said: bytes) -> list[bytes]:
        started = b"\x40\x53\x41\x00\x00\x41\x40\x45"
        return [b"\x40\x53\x80\x01\x00\x00\x81\x40\x45", *packets] if said.endswith(started) else []

    page, channel = (28, 9) if sub_ghz else (0, 15)
    with Firmware(reply) as firmware:
        frames = heard(open_sniffer(f"smartrf:{firmware.name}", channel=channel, page=page), 20)
    assert {f.octets for f in frames} == {DATA}
    assert {(f.page, f.channel, f.rssi, f.fcs) for f in frames} == {(page, channel, -55, FcsState.GOOD)}
    assert frames[0].frequency_khz == centre_khz(page, channel)


def test_smartrf_finds_its_way_through_noise() -> None:
    troubles: list[str] = []
    decoder = SmartRfDecoder(0, 11, troubles.append)
    good = stand_ins.smartrf_data(DATA, 5, sub_ghz=False)
    stream = b"\x00\x40\x53\xff" + good[:-1] + b"\x00" + good + b"\x40"
    frames = [f for octet in stream for f in decoder.feed(bytes([octet]), 0)]
    assert [f.octets for f in frames] == [DATA]
    assert troubles


class UsbDongle:
    """pyusb's device, as far as a CC2531 needs it."""

    idProduct = 0x16AE

    def __init__(self, records: list[bytes]) -> None:
        self.records, self.calls = records, []

    def set_configuration(self) -> None:
        self.calls.append("configuration")

    def ctrl_transfer(self, kind, request, value=0, index=0, data=None):
        self.calls.append((kind, request, index, data))
        return b"\x04" if request == 0xC6 else b""

    def read(self, endpoint, size, timeout):
        assert endpoint == 0x83
        if not self.records:
            raise OSError(19, "unplugged")
        return self.records.pop(0)


def test_cc2531() -> None:
    tick = struct.pack("<BHB", 1, 1, 0)
    stream = stand_ins.cc2531_record(DATA, 2**32 - 32) + tick + stand_ins.cc2531_record(DATA, 32, status=0x6B)
    dongle = UsbDongle([stream[:9], stream[9:]])
    decoder = Cc2531Decoder(17, lambda text: None)
    frames = heard(UsbSniffer("dongle", Cc2531Device(dongle), decoder, 17), 2)
    assert (0x40, 0xD2, 0, bytes([17])) in dongle.calls
    assert [f.octets[:-2] for f in frames] == [DATA, DATA]
    assert [(f.fcs, f.rssi, f.trailer) for f in frames] == [
        (FcsState.GOOD, -53, TrailerKind.TI),
        (FcsState.BAD, -53, TrailerKind.TI),
    ]
    assert frames[1].device_ns - frames[0].device_ns == 2_000


def test_ezsp_json_lines() -> None:
    troubles: list[str] = []
    line = json.dumps({"timestamp": 1.5, "rssi": -40, "lqi": 255, "channel": 25, "data": DATA.hex()}).encode()
    frames = list(EzspDecoder(troubles.append).feed(line + b"\n{}\nnot json\n" + line + b"\n", 9))
    assert [(f.octets, f.time_ns, f.channel, f.rssi) for f in frames] == [(DATA, 1_500_000_000, 25, -40)] * 2
    assert len(troubles) == 2


def zep(version: int, body: bytes, sequence: int = 1) -> bytes:
    if version == 1:
        return b"EX\x01" + struct.pack(">BHBB", 15, 1, 1, 99) + bytes(7) + bytes([len(body)]) + body
    head = struct.pack(">BBBHBBQI", version, 1, 15, 1, 1, 99, 0, sequence)
    return b"EX" + head + bytes(10) + bytes([len(body)]) + body


def test_zep_over_udp() -> None:
    sniffer = open_sniffer("zep:127.0.0.1:0")
    body = DATA + b"\x12\x34"
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for datagram in (zep(1, body), b"hello", zep(2, body, 4), b"EX\x02\x02" + bytes(4), zep(3, body, 9)):
        sender.sendto(datagram, ("127.0.0.1", sniffer.port))
    frames = heard(sniffer, 3)
    assert [f.octets for f in frames] == [body] * 3
    assert [f.dropped for f in frames] == [0, 0, 4]
    assert {(f.channel, f.lqi, f.trailer) for f in frames} == {(15, 99, TrailerKind.FCS16)}


class Fixed:
    """A sniffer that gives `count` frames, then ends."""

    name = "fixed"

    def __init__(self, count: int) -> None:
        self.count = count
        self.closed = False

    def frames(self):
        for n in range(self.count):
            yield CapturedFrame(DATA + n.to_bytes(4, "little"), n * 1000, channel=11, page=0, rssi=-5, lqi=7)

    def close(self) -> None:
        self.closed = True


def numbers(path: Path) -> list[int]:
    with open_capture(path) as capture:
        return [int.from_bytes(f.octets[len(DATA) :], "little") for block in capture for f in block.frames()]


def test_recording(tmp_path: Path) -> None:
    sniffer = Fixed(10)
    done = record(sniffer, tmp_path / "out.pcapng", frames=7)
    assert (done.frames, sniffer.closed, numbers(done.files[0])) == (7, True, list(range(7)))


def test_ring_files(tmp_path: Path) -> None:
    done = record(Fixed(200), tmp_path / "ring.pcapng", ring=Ring(octets=2_000, files=3))
    kept = [p for p in done.files if p.exists()]
    assert len(kept) == 3 and len(done.files) > 3
    assert [n for p in kept for n in numbers(p)] == list(range(200))[-sum(len(numbers(p)) for p in kept) :]


def test_a_pipe_feeds_a_recording(tmp_path: Path) -> None:
    fifo, first = tmp_path / "fifo", tmp_path / "first.pcapng"
    record(Fixed(30), first)
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(first.read_bytes()))
    writer.start()
    done = record(open_sniffer(f"pipe:{fifo}"), tmp_path / "second.pcapng")
    writer.join()
    assert numbers(done.files[0]) == list(range(30))


KILLED = """
import sys, time
from pathlib import Path
from tests.captures.sniffers.test_sniffers import Fixed
from captures.sniffers.recorder import record
def heard(frame, recording):
    sys.stdout.write(f"{recording.frames}\\n"); sys.stdout.flush()
    time.sleep(0.0005)
record(Fixed(10**9), Path(sys.argv[1]), heard=heard)
"""


def test_killed_in_the_middle_nothing_is_lost(tmp_path: Path) -> None:
    target = tmp_path / "killed.pcapng"
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, cwd=root, text=True
    )
    assert process.stdout is not None
    counted = [int(process.stdout.readline()) for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    counted += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait()
    assert numbers(target)[: counted[-1]] == list(range(counted[-1]))


def test_the_clock_is_fitted_through_drift_and_jitter() -> None:
    import random

    rng = random.Random(3)
    clock, worst = DeviceClock(), 0
    for second in range(0, 3600, 2):
        true = second * SECOND
        device = round(true * (1 + 60e-6)) + 12_345
        host = true + 200_000 + round(rng.expovariate(1 / 3e6))
        fitted = clock.host_time(device, host)
        if second > 300:
            worst = max(worst, abs(fitted - true - 200_000))
    assert worst < 2_000_000  # of up to 30 ms jitter and 216 ms drift


def test_the_clock_starts_again_after_a_restart() -> None:
    clock = DeviceClock()
    for n in range(50):
        clock.host_time(n * SECOND, n * SECOND + 1000)
    assert clock.host_time(0, 60 * SECOND) == 60 * SECOND
    assert Unwrapped(8).extend(300 % 256) == 44


def test_clear_words_for_what_is_not_there(tmp_path: Path) -> None:
    for source in ("nrf:/dev/no-such-port", "wpan:nosuch0", "ezsp:/no/such/file", "warp:drive"):
        with pytest.raises(CaptureError) as error:
            open_sniffer(source)
        assert error.value.text
    with pytest.raises(ValueError, match="11 to 26"):
        NordicDecoder(3, lambda text: None)


def test_recording_to_a_stream_that_closes() -> None:
    class Closed(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, octets) -> int:
            raise BrokenPipeError

    assert record(Fixed(5), Closed()).frames == 0


def test_the_former_name_of_a_sniffed_frame_makes_captured_frames() -> None:
    found = SniffedFrame(DATA, 5, 7, fcs="bad", channel=11, dropped=2)
    assert found == CapturedFrame(DATA, host_ns=5, device_ns=7, fcs=FcsState.BAD, channel=11, dropped=2)
