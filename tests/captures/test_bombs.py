"""Damage and bombs of containers: every frame that is there is read, work and warnings stay in proportion."""

import io

import pytest

from captures import open_capture
from captures.block import Lost
from captures.files.losses import KINDS, SHOWN, Losses
from captures.files.records import MOST_INTERFACES, MOST_NAMES, MOST_PLACES, MOST_SECRETS
from tests import bombs
from tests.bombs import containers
from tests.captures.builders import FRAMES, block, pcap, pcapng, with_fcs
from tests.captures.reading import whole

READABLE = {
    "an interface for each packet": 3333,
    "a clock for each packet": 2380,
    "a section for each packet": 1136,
    "4 stray octets behind each block": 4545,
    "3 stray octets behind each block, like a block's first": 4651,
    "second length of each block wrong": 5000,
    "first length of each block wrong": 5000,
    "both lengths of each block wrong": 5000,
    "first length wrong where there are comments": 3846,
    "length of each record wrong": 9524,
    "what looks like a long block, everywhere": 1,
    "what looks like a record's header, everywhere": 2,
    "a bad header behind each record": 5405,
    "zeros behind each record": 2353,
    "random octets (pcap)": 2,
    "random octets (pcapng)": 1,
    "a comment at each packet": 3571,
    "a hundred options at each packet": 454,
    "one long block": 1,
}
"""Frames that are whole in a bomb of `bombs.SIZE` octets."""
LONG = {"both lengths of each block wrong", "a bad header behind each record", "zeros behind each record"}
"""What takes seconds where memory is traced."""


@pytest.mark.parametrize("name", READABLE)
def test_every_frame_that_is_there_is_read(name: str) -> None:
    got = 0
    with open_capture(io.BytesIO(bombs.BOMBS[name].make()), name="bomb") as capture:
        for piece in capture:
            got += len(piece)
            octets = {piece.octets(row) for row in range(len(piece))}
            assert octets == {bombs.ACK}
        assert got == READABLE[name]
        assert len(capture.lost) <= 3 * (SHOWN + 1)


def test_losses_of_one_kind_are_counted_and_the_first_are_told() -> None:
    with open_capture(io.BytesIO(containers.wrong_lengths()), name="bomb") as capture:
        assert sum(len(piece) for piece in capture) == 5000
        assert len(capture.lost) == SHOWN + 1
        assert sum(one.times for one in capture.lost) == 5000
        assert "and 4,992 more of this kind" in capture.lost[-1].text


def test_kinds_of_losses_are_bounded() -> None:
    losses = Losses()
    for number in range(3000):
        losses.append(Lost(number, f"kind {'x' * number}", 1))
    assert len(losses) <= KINDS * (SHOWN + 1)
    assert sum(one.times for one in losses) == sum(one.frames for one in losses) == 3000


@pytest.mark.parametrize("megabytes", [4.2, 5, 15])
def test_long_sound_blocks_are_sound(megabytes: float) -> None:
    size = int(megabytes * 1024 * 1024) // 4 * 4
    frames = pcapng(with_fcs())
    got = whole(frames + block(0x0BAD, bytes(size)) + frames[48:])
    assert [row.octets for row in got.rows] == with_fcs() * 2
    assert not got.lost


def test_a_cut_is_one_loss() -> None:
    # the last frame holds what looks like the beginning of a block
    frames = [*with_fcs(), b"\x03\0\0\0\x14\0\0\0" * 4 + b"\x06\0\0\0\x40\0\0\0" + bytes(20)]
    data = pcapng(frames)
    last = len(data) - 32 - len(frames[-1])
    for end in range(last + 1, len(data)):
        got = whole(data[:end])
        assert [lost.offset for lost in got.lost] == [last], end


def test_what_a_file_says_has_ceilings() -> None:
    with open_capture(io.BytesIO(containers.idle_interfaces()), name="bomb") as capture:
        assert sum(len(piece) for piece in capture) == 1
        assert MOST_INTERFACES < len(capture.link_types) <= MOST_PLACES < 10_000
        assert "interfaces" in capture.lost[0].text
    with open_capture(io.BytesIO(containers.secrets()), name="bomb") as capture:
        assert sum(len(piece) for piece in capture) == 1
        assert len(capture.secrets) == MOST_SECRETS
        assert sum(one.times for one in capture.lost) == 5000 - MOST_SECRETS
    with open_capture(io.BytesIO(containers.names()), name="bomb") as capture:
        assert sum(len(piece) for piece in capture) == 1
        assert len(capture.names) == min(6250, MOST_NAMES)


def test_damage_here_and_there_between_runs() -> None:
    frames = with_fcs()
    for data, cut in ((pcap(frames * 200), 24), (pcapng(frames * 200), 48)):
        parts = [data[:cut]] + [data[cut:] + bytes([7]) * 33] * 12
        got = whole(b"".join(parts))
        assert [row.octets for row in got.rows] == frames * 200 * 12
        assert sum(one.times for one in got.lost) == 12


@pytest.mark.parametrize("name", bombs.CONTAINERS)
def test_time_is_in_proportion(name: str) -> None:
    bomb = bombs.CONTAINERS[name]
    assert bombs.times(bomb.make(), bomb.times, tries=6) < bomb.times


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in bombs.CONTAINERS]
)
def test_memory_is_in_proportion(name: str) -> None:
    bomb = bombs.CONTAINERS[name]
    assert bombs.room(bomb.make, bombs.SIZE // 2) < bomb.room


def test_interfaces_keep_their_own_clock_and_link_type() -> None:
    got = whole(containers.clocks())
    assert len(got.rows) == 2380
    assert len({row.octets for row in got.rows}) == 1
    assert FRAMES


def test_many_interfaces_without_a_frame_are_no_sniffers_of_one_network() -> None:
    """Neither a traceback where nothing was heard, nor a comparison of each with each."""
    assert bombs.decoded(containers.idle_interfaces()) == 1
    assert bombs.decoded(containers.interfaces()) == 3333
