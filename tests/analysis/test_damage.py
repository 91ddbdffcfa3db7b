"""Any octet changed, any length cut: the whole command says what it lost, and never a traceback."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.cli import main
from analysis.cli.console import OK, PARTLY, UNREADABLE
from captures import CapturedFrame, TrailerKind, write_capture
from captures.fcs import fcs16
from dissectors.model.keyring import Key

PIECE = 40_000
"""Octets of a large capture that are kept: enough for every kind of block and a few hundred frames."""

FRAMES = [
    "020005",
    "63880159330000189004",
    # A Transport-Key in the clear, and a NWK frame secured with that key.
    "61883059339090000008009090000" + "01edd01dc0501" + "26546b723b396a727b5d5271517d392f" + "00"
    "1a5b410000ff0f00ffffffffffffffff",
    "41880e5933ffff00000912fcff000001c01f022200"
    + "00ff0f00280022012300"
    + "1f02220000ff0f0000"
    + "658df37b6af6976da6",
    "6188aa593300009090480200009090" + "1e10" + "aabbccddeeff00112233445566778899",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small captures of both formats, from octets of our own."""
    folder = tmp_path_factory.mktemp("small")
    frames = [
        CapturedFrame(
            bytes.fromhex(text) + fcs16(bytes.fromhex(text)),
            number * 10**6,
            trailer=TrailerKind.FCS16,
            comment="c",
        )
        for number, text in enumerate(FRAMES)
    ]
    made = {}
    for name in ("small.pcap", "small.pcapng"):
        secrets = [Key("network", bytes(range(16)), pan=0x3359)] if name.endswith("ng") else []
        write_capture(
            folder / name,
            frames,
            format="pcap" if name.endswith("pcap") else "pcapng",
            names={0x000FFF00001F0222: "Controller"},
            secrets=secrets,
        )
        made[name] = (folder / name).read_bytes()
    return made


def runs(path: Path, capsys: pytest.CaptureFixture[str], *verbs: str) -> None:
    arguments = {"show": ["1"], "decode": ["--table", "attributes"]}
    for verb in verbs:
        code = main([verb, str(path), *arguments.get(verb, [])])
        told = capsys.readouterr()
        assert "Traceback" not in told.err and "internal" not in told.err, (verb, told.err)
        assert code in ({OK, PARTLY, UNREADABLE} | ({2} if verb == "show" else set())), (verb, code, told.err)
        if code == UNREADABLE:
            assert "error: " in told.err


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_small_captures_damaged_anywhere(
    data: st.DataObject, small: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = data.draw(st.sampled_from(sorted(small)))
    octets = bytearray(small[name])
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.sampled_from([len(octets), data.draw(st.integers(0, len(octets)))]))
    path = tmp_path / name
    path.write_bytes(octets[:length])
    runs(path, capsys, "decode", "show", "stats", "keys")


@pytest.mark.shared
def test_shared_captures_damaged(
    shared_capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    octets = shared_capture.read_bytes()
    if shared_capture.suffix != ".cubx":  # a database is damaged as a whole or not at all
        octets = octets[:PIECE]
    chance = random.Random(shared_capture.name)
    path = tmp_path / shared_capture.name
    for verb in ("decode", "keys"):
        damaged = bytearray(octets)
        for _ in range(3):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        runs(path, capsys, verb)
    path.write_bytes(octets[: chance.randrange(len(octets))])
    runs(path, capsys, "stats")


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["kb_control4-sample.pcap", "zbtk_trace.pcap", "zleaks_echo_idle_eplug_smt.pcapng"]
)
def test_damaged_captures_are_checked_and_reported(
    shared: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    octets = bytearray((shared / "captures" / name).read_bytes())
    chance = random.Random(name)
    for _ in range(200):
        octets[chance.randrange(200, len(octets))] = chance.randrange(256)
    path = tmp_path / name
    path.write_bytes(octets)
    runs(path, capsys, "check")
    assert main(["report", str(path), "-o", str(tmp_path / "report.html"), "-q"]) == 0
