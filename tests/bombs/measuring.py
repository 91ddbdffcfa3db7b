"""What bombs cost, held against a sound capture of the same size."""

import gc
import io
import time
import tracemalloc
from collections.abc import Callable
from functools import cache

import pytest

from analysis.pipeline.decode import decode
from analysis.tables import vocabulary
from captures import open_capture
from captures.files import source
from dissectors.model.keyring import Key, Keyring
from tests.bombs.frames import ACK, NETWORK_KEY, SIZE, sound
from tests.captures.builders import pcap

ONE = pcap([ACK])
COLLECTED = (700, 10, 10)
"""How often garbage is collected: as Python does; the command, which any test may have run before, does it more seldom."""


def read(octets: bytes) -> int:
    """Read a capture to its end; the number of its frames."""
    with open_capture(io.BytesIO(octets)) as capture:
        return sum(len(piece) for piece in capture)


def decoded(octets: bytes) -> int:
    """Decode a capture to all tables; the number of its frames."""
    return len(decode(io.BytesIO(octets), Keyring([Key("network", NETWORK_KEY)])).table("packets"))


def seconds(work: Callable[[bytes], int], octets: bytes, runs: int = 3) -> float:
    """Processor time of the fastest of some runs."""
    return min(_seconds(work, octets) for _ in range(runs))


def _seconds(work: Callable[[bytes], int], octets: bytes) -> float:
    gc.collect()
    gc.freeze()  # so that to collect again takes no longer than what is new
    begin = time.process_time()
    work(octets)
    return time.process_time() - begin


def memory(work: Callable[[bytes], int], octets: bytes) -> int:
    """The most octets that were held at a time."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTED)
    gc.collect()
    tracemalloc.start()
    try:
        work(octets)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.set_threshold(*before)


@cache
def _sound(size: int = SIZE) -> bytes:
    octets = sound(size)
    decoded(octets)  # what is made once is not the bomb's
    return octets


def _peak(octets: bytes) -> int:
    """The most octets that decoding holds at a time, besides what is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "LARGE", 1)  # it is given back at once, and would hide all the rest
        patch.setattr(source, "CHUNK", SIZE // 4)  # several blocks, as where a capture has megabytes
        decoded(octets)
        return memory(decoded, octets)


@cache
def _least() -> int:
    return _peak(ONE)


@cache
def sound_seconds() -> float:
    """Processor time of an octet of a sound capture."""
    return seconds(decoded, _sound()) / len(_sound())


def _room(octets: bytes, size: int) -> float:
    """Octets of memory that an octet costs, besides what any decoding takes."""
    return (_peak(octets) - _least()) / max(len(octets), size)


@cache
def sound_room() -> float:
    """Octets of memory that an octet of a sound capture costs."""
    return _room(_sound(), SIZE)


def room(make: Callable[..., bytes], size: int = SIZE) -> float:
    """How many times the memory of a sound capture of its size a bomb costs."""
    return _room(make(size), size) / sound_room()


def times(octets: bytes, limit: float = 0, tries: int = 2, size: int = SIZE) -> float:
    """How many times the processor time of a sound capture of its size a bomb costs.

    Both are measured in turn, because others use the processor and its caches too; what counts is the fastest run
    of each. Measuring ends when the ratio is below `limit`.
    """
    fair: list[float] = []
    spent: list[float] = []
    size = max(len(octets), size)
    for _ in range(tries):
        fair += [_seconds(decoded, _sound()) for _ in range(2)]
        spent.append(_seconds(decoded, octets))
        ratio = min(spent) / size / (min(fair) / len(_sound()))
        if ratio < limit:
            break
    return ratio
