"""AES-CCM* with a 4-octet MIC (security level 5), for many frames at once.

Strategy: AES-ECB runs at memory speed on large inputs, so the chains of all frames advance together: step
j of the CBC-MAC is one ECB call for each key over block j of every frame. Frames are grouped by the number of blocks
that their authenticated header needs; those of one key are sorted by text length, so that the frames still busy at a
step are always the first ones, those of several keys by key. Too few to pay for the vector steps are opened one by one.

Source: ZigBee specification (05-3474) annex A; nonce: 4.5.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from dissectors.vectors import PADDING, Index, Mask, OctetArray

__all__ = ["MIC", "Plain", "Sealed", "first_opening", "open_all"]

MIC = 4
"""Octets of the message integrity code at security level 5."""

LEVEL = 5
SMALL = 40
"""Below this many frames, one AESCCM call each is faster than the vector steps."""

BATCH = 8192
"""Frames in one run of the vector steps: the state stays in the cache."""

Busy = tuple[Index | slice, list[tuple[Any, int, int]]]
"""Frames that are still busy at a step; what enciphers their blocks, and from which octet to which."""

_U64 = np.dtype("<u8")
_TAIL = np.array([(1 << 8 * max(0, min(n - 256, 8))) - 1 for n in range(768)], np.uint64)
# Which octets of a lane are within the text, by how many octets of it are left (and 256).


@dataclass(slots=True, eq=False, repr=False)
class Sealed:
    """Frames sealed under any keys: for each, where its parts lie and what its nonce is.

    The authenticated header runs from `header` to `text`, with the level bits (zero on the air) of the
    octet at `control` set; the text runs from `text` to `end`, the MIC included.
    """

    octets: OctetArray
    header: Index
    control: Index
    text: Index
    end: Index
    source: npt.NDArray[np.uint64]  # EUI-64 in the nonce
    counter: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.text)

    def where(self, chosen: Mask | Index | slice) -> Sealed:
        """The chosen frames."""
        return Sealed(
            self.octets,
            self.header[chosen],
            self.control[chosen],
            self.text[chosen],
            self.end[chosen],
            self.source[chosen],
            self.counter[chosen],
        )


@dataclass(slots=True, eq=False, repr=False)
class Plain:
    """Plain texts of some frames as rows of matrices; `place` says where the row of each frame begins.

    Rows whose MIC does not fit hold zeros: octets that were not authenticated are never shown.
    """

    pieces: list[npt.NDArray[np.uint8]]
    place: Index
    ok: Mask
    size: int = 0

    def add(self, frames: Index | slice, text: npt.NDArray[np.uint8], ok: Mask) -> None:
        """Keep the texts of `frames`."""
        count, width = text.shape
        self.pieces.append(text.reshape(-1))
        self.place[frames] = self.size + width * np.arange(count)
        self.ok[frames] = ok
        self.size += count * width


def open_all(sealed: Sealed, keys: Sequence[bytes], which: Index, frames: Index | None = None) -> Plain:
    """Try a key on each of some frames (None: on all); the result has an entry for each of them.

    Every text must be at least `MIC` octets long.

    Args:
        which: the place of each frame's key in `keys`; it never falls.
    """
    count = len(which)
    plain = Plain([], np.zeros(count, np.int64), np.zeros(count, np.bool_))
    if count < SMALL:
        _open_singly(sealed if frames is None else sealed.where(frames), keys, which, plain)
        return plain
    header_blocks = _blocks(sealed.text - sealed.header + 2)
    shape = header_blocks << 8
    if len(keys) == 1:  # the longest text first; of several keys those of one stand together
        shape += 255 - _blocks(sealed.end - sealed.text - MIC)
    # Few shapes, so small numbers: the stable sort of 16-bit numbers is one of digits.
    shape = shape.astype(np.uint16)
    if frames is not None:
        shape = shape[frames]
    order = np.argsort(shape, kind="stable")
    sealed = sealed.where(order if frames is None else frames[order])
    shape, which = shape[order], which[order]
    bounds = np.searchsorted(shape, np.arange((int(shape[-1]) >> 8) + 2) << 8)
    encryptors = [Cipher(algorithms.AES(key), modes.ECB()).encryptor().update_into for key in keys]
    for blocks, (begin, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        for start in range(begin, end, BATCH):
            part = slice(start, min(start + BATCH, end))
            text, good = _open_batch(sealed.where(part), _Cipher(encryptors, which[part]), blocks)
            plain.add(order[part], text, good)
    return plain


class _Cipher:
    """AES of some frames, each under its key: those of a key stand together, and are enciphered with one call."""

    def __init__(self, encryptors: Sequence[Any], which: Index) -> None:
        self._encryptors, self._which = encryptors, which
        self._scratch = memoryview(bytearray(len(which) * 16 + 16))
        self._every = self._parts(which)

    def _parts(self, which: Index) -> list[tuple[Any, int, int]]:
        """The octets of the blocks of each key."""
        if len(self._encryptors) == 1:
            return [(self._encryptors[0], 0, 16 * len(which))]
        bounds = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(which)]
        return [(self._encryptors[int(which[a])], 16 * a, 16 * b) for a, b in pairwise(bounds) if b > a]

    def longer(self, length: Index) -> list[Busy]:
        """Which frames have text for a first block, for a second one, and so on."""
        starts = range(0, int(length.max(initial=0)), 16)
        if len(self._encryptors) == 1:
            counts = [int(np.count_nonzero(length > start)) for start in starts]
            return [(slice(0, count), [(self._encryptors[0], 0, 16 * count)]) for count in counts]
        chosen = [np.flatnonzero(length > start) for start in starts]
        return [(one, self._parts(self._which[one])) for one in chosen]

    def encrypted(
        self, blocks: npt.NDArray[np.uint64], parts: list[tuple[Any, int, int]] | None = None
    ) -> npt.NDArray[np.uint64]:
        """Every 16-octet row enciphered; the result is gone with the next call."""
        octets, scratch = np.ascontiguousarray(blocks).data.cast("B"), self._scratch
        for encrypt, begin, end in self._every if parts is None else parts:
            encrypt(octets[begin:end], scratch[begin : end + 15])
        return np.frombuffer(scratch[: len(octets)], _U64).reshape(-1, 2)


def _blocks(octets: Index) -> Index:
    return (octets + 15) >> 4


def first_opening(sealed: Sealed, frames: Index, openers: Sequence[AESCCM]) -> int | None:
    """The place of the first key that opens one of a few frames; the first frame is tried with every key, then
    the second."""
    for frame in frames.tolist():
        nonce, text, head = _parts(sealed, frame)
        for place, opener in enumerate(openers):
            try:
                opener.decrypt(nonce, text, head)
            except InvalidTag:
                continue
            return place
    return None


def _parts(sealed: Sealed, row: int) -> tuple[bytes, bytes, bytes]:
    """Nonce, sealed text and authenticated header of one frame."""
    data = sealed.octets.data
    header, control, text = int(sealed.header[row]), int(sealed.control[row]), int(sealed.text[row])
    head = bytearray(data[header:text].tobytes())
    head[control - header] |= LEVEL
    nonce = (
        int(sealed.source[row]).to_bytes(8, "little")
        + int(sealed.counter[row]).to_bytes(4, "little")
        + bytes((head[control - header],))
    )
    return nonce, data[text : int(sealed.end[row])].tobytes(), bytes(head)


def _open_singly(sealed: Sealed, keys: Sequence[bytes], which: Index, plain: Plain) -> None:
    openers: dict[int, AESCCM] = {}
    for row, place in enumerate(which.tolist()):
        if place not in openers:
            openers[place] = AESCCM(keys[place], tag_length=MIC)
        try:
            found = openers[place].decrypt(*_parts(sealed, row))
        except InvalidTag:
            continue
        plain.add(slice(row, row + 1), np.frombuffer(found, np.uint8).reshape(1, -1), np.ones(1, np.bool_))


def _header(sealed: Sealed, blocks: int) -> npt.NDArray[np.uint8]:
    """The authenticated header behind its 2-octet length, padded with zeros to whole blocks."""
    length = sealed.text - sealed.header
    out = sealed.octets.rows(sealed.header - 2, blocks * 16)  # there is padding before the first
    out[:, 0] = 0
    out[:, 1] = length
    at = np.arange(0, out.size, blocks * 16) + (2 + sealed.control - sealed.header)
    out.reshape(-1)[at] |= LEVEL
    _clear_tail(out, length + 2, first=(blocks - 1) * 2)
    return out


def _clear_tail(matrix: npt.NDArray[np.uint8], length: Index, first: int = 0) -> None:
    """Zero everything from `length` on in each row; lanes of 8 octets before `first` are known to be full."""
    lanes = matrix.view(_U64)
    left = length + 256
    for lane in range(first, lanes.shape[1]):
        lanes[:, lane] &= _TAIL.take(left - 8 * lane)


def _nonce(sealed: Sealed) -> npt.NDArray[np.uint64]:
    """A block of zero flags, nonce and two zero octets, as two lanes of 8 octets."""
    control = (sealed.octets.u8(sealed.control) | LEVEL).astype(np.uint64)
    block = np.empty((len(sealed), 2), _U64)
    np.left_shift(sealed.source, np.uint64(8), out=block[:, 0])
    block[:, 1] = (
        (sealed.source >> np.uint64(56))
        | (sealed.counter.astype(np.uint64) << np.uint64(8))
        | (control << np.uint64(40))
    )
    return block


def _open_batch(sealed: Sealed, cipher: _Cipher, header_blocks: int) -> tuple[npt.NDArray[np.uint8], Mask]:
    """Open frames that need the same number of header blocks."""
    length = sealed.end - sealed.text - MIC
    busy = cipher.longer(length)
    head = _header(sealed, header_blocks).view(_U64)
    nonce = _nonce(sealed)
    state = nonce.copy()
    nonce[:, 0] |= np.uint64(0x01)
    counter_0 = cipher.encrypted(nonce)[:, 0].astype(np.uint32)
    text = _decrypted(sealed, length, busy, nonce, cipher)
    lanes = text.view(_U64)
    state[:, 0] |= np.uint64(0x49)
    octets = length.astype(np.uint64)
    state[:, 1] |= ((octets >> np.uint64(8)) << np.uint64(48)) | (octets << np.uint64(56))
    state = cipher.encrypted(state)
    for i in range(header_blocks):
        state = cipher.encrypted(state ^ head[:, 2 * i : 2 * i + 2])
    state = state.copy()
    for i, (rows, parts) in enumerate(busy):
        state[rows] = cipher.encrypted(state[rows] ^ lanes[rows, 2 * i : 2 * i + 2], parts)
    ok = (state[:, 0].astype(np.uint32) ^ counter_0) == sealed.octets.u32(sealed.end - MIC)
    if not ok.all():
        text[~ok] = 0
    return text, ok


def _decrypted(
    sealed: Sealed, length: Index, busy: list[Busy], nonce: npt.NDArray[np.uint64], cipher: _Cipher
) -> npt.NDArray[np.uint8]:
    """Counter mode over the text; octets after its end are zero. The counter in `nonce` is used up."""
    width = max(1, len(busy)) * 16
    text = sealed.octets.rows(sealed.text, width) if busy else np.zeros((len(sealed), 16), np.uint8)
    lanes = text.view(_U64)
    for i, (rows, parts) in enumerate(busy):
        nonce[rows, 1] += np.uint64(1 << 56)
        lanes[rows, 2 * i : 2 * i + 2] ^= cipher.encrypted(nonce[rows], parts)
    _clear_tail(text, length, first=2 * (int(length.min()) >> 4))
    return text


assert PADDING >= 16 * 16
