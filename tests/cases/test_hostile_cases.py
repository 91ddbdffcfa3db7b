"""Hostile inputs of the shared folder: what each must give."""

import re
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.keys.keyfile import KeyFileError, read_keys
from captures import open_capture
from dissectors.gbcs import dissect_message
from tests.dissectors.gbcs.round_trip import rebuilt

SAMPLES = Path(__file__).parents[2] / "captures" / "samples"

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("name", ["msg-exc-4-7.hex", "msg-exc-5-7.hex"])
def test_mutated_messages_are_built_again(shared: Path, name: str) -> None:
    """Both raised ValueError: numbers of data that are not those of the specifications or results."""
    octets = bytes.fromhex((shared / "cases" / "hostile" / name).read_text())
    assert rebuilt(dissect_message(octets)) == "same"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bad-nest.toml", "too deep"),
        ("bad-hugeint.toml", "a number that is too long"),
        ("keys-TypeError.toml", "row 26 of the scalars cannot be read"),
    ],
)
def test_key_files_that_ended_in_an_internal_error(shared: Path, name: str, said: str) -> None:
    """A key file's mistake is said as one, with its place: it was RecursionError, ValueError and TypeError."""
    with pytest.raises(KeyFileError, match=said):
        read_keys(shared / "cases" / "hostile" / name)


@pytest.mark.parametrize(
    ("name", "frames", "lost"),
    [
        ("alternating_damage.pcap", 100_000, 100_000),
        ("td_2000.pcapng", 2000, 2000),
        ("thr_4300k.pcapng", 1, 0),
        ("if_8000.pcapng", 8000, 1),
        ("cut.pcapng", 478, 1),
    ],
)
def test_damaged_captures_are_read_to_their_end(shared: Path, name: str, frames: int, lost: int) -> None:
    """A frame of 100,000 was read; a sound block over 4 MiB was damage; warnings came by the thousand."""
    with open_capture(shared / "cases" / "hostile" / name) as capture:
        assert sum(len(block) for block in capture) == frames
        assert sum(one.times for one in capture.lost) == lost
        assert len(capture.lost) <= 10


@pytest.mark.parametrize("name", ["bad-inline.toml", "hostile2.toml", "bad-nest.toml", "bad-hugeint.toml"])
def test_no_error_tells_what_a_key_file_holds(
    shared: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """`bad-inline.toml`: a PEM instead of the name of its file; each error names the line and not one octet."""
    keys = shared / "cases" / "hostile" / name
    code = main(["keys", str(SAMPLES / "tampered-message.pcapng"), "--keys", str(keys), "-q"])
    out, err = capfd.readouterr()
    assert code in (0, 3)
    for secret in re.findall(r"[0-9a-f]{16,}|BEGIN", keys.read_text("utf-8", "replace")):
        assert secret not in err or secret.startswith("90b3d5fffe"), err
    assert all(one.isprintable() or one == "\n" for one in out + err)
