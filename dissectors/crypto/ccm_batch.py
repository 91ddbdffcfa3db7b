"""AES-CCM* with a 4-octet MIC (security level 5), for many frames at once.

Strategy: AES-ECB runs at memory speed on large inputs, so the chains of all frames advance together: step
j of the CBC-MAC is one ECB call over block j of every frame. Frames are grouped by key and by the number
of blocks that their authenticated header needs, and sorted by text length, so that the frames still busy
at a step are always the first ones. A group too small to pay for the vector steps is opened frame by frame.

Source: ZigBee specification (05-3474) annex A; nonce: 4.5.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def open_all(sealed: Sealed, key: bytes, frames: Index | None = None) -> Plain:
    """Try `key` on some frames (None: on all); the result has an entry for each of them.

    Every text must be at least `MIC` octets long.
    """
    count = len(sealed) if frames is None else len(frames)
    plain = Plain([], np.zeros(count, np.int64), np.zeros(count, np.bool_))
    if count < SMALL:
        _open_singly(sealed if frames is None else sealed.where(frames), key, plain)
        return plain
    header_blocks = _blocks(sealed.text - sealed.header + 2)
    # Few shapes, so small numbers: the stable sort of 16-bit numbers is one of digits.
    shape = ((header_blocks << 8) + 255 - _blocks(sealed.end - sealed.text - MIC)).astype(np.uint16)
    if frames is not None:
        shape = shape[frames]
    order = np.argsort(shape, kind="stable")
    sealed = sealed.where(order if frames is None else frames[order])
    shape = shape[order]
    bounds = np.searchsorted(shape, np.arange((int(shape[-1]) >> 8) + 2) << 8)
    for blocks, (begin, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        for start in range(begin, end, BATCH):
            part = slice(start, min(start + BATCH, end))
            text, good = _open_batch(sealed.where(part), key, blocks)
            plain.add(order[part], text, good)
    return plain


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


def _open_singly(sealed: Sealed, key: bytes, plain: Plain) -> None:
    opener = AESCCM(key, tag_length=MIC)
    for row in range(len(sealed)):
        try:
            found = opener.decrypt(*_parts(sealed, row))
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


def _open_batch(sealed: Sealed, key: bytes, header_blocks: int) -> tuple[npt.NDArray[np.uint8], Mask]:
    """Open frames that need the same number of header blocks, longest text first."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update_into
    length = sealed.end - sealed.text - MIC
    busy = [int(np.count_nonzero(length > 16 * i)) for i in range(int(_blocks(length[:1]).max(initial=0)))]
    head = _header(sealed, header_blocks).view(_U64)
    scratch = np.empty(len(sealed) * 16 + 16, np.uint8)
    nonce = _nonce(sealed)
    state = nonce.copy()
    nonce[:, 0] |= np.uint64(0x01)
    counter_0 = _encrypted(nonce, encrypt, scratch)[:, 0].astype(np.uint32)
    text = _decrypted(sealed, length, busy, nonce, encrypt, scratch)
    lanes = text.view(_U64)
    state[:, 0] |= np.uint64(0x49)
    octets = length.astype(np.uint64)
    state[:, 1] |= ((octets >> np.uint64(8)) << np.uint64(48)) | (octets << np.uint64(56))
    state = _encrypted(state, encrypt, scratch)
    for i in range(header_blocks):
        state = _encrypted(state ^ head[:, 2 * i : 2 * i + 2], encrypt, scratch)
    for i, count in enumerate(busy):
        active = state[:count] ^ lanes[:count, 2 * i : 2 * i + 2]
        state[:count] = _encrypted(active, encrypt, scratch)
    ok = (state[:, 0].astype(np.uint32) ^ counter_0) == sealed.octets.u32(sealed.end - MIC)
    if not ok.all():
        text[~ok] = 0
    return text, ok


def _decrypted(
    sealed: Sealed,
    length: Index,
    busy: list[int],
    nonce: npt.NDArray[np.uint64],
    encrypt: object,
    scratch: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """Counter mode over the text; octets after its end are zero. The counter in `nonce` is used up."""
    width = max(1, len(busy)) * 16
    text = sealed.octets.rows(sealed.text, width) if busy else np.zeros((len(sealed), 16), np.uint8)
    lanes = text.view(_U64)
    for i, count in enumerate(busy):
        nonce[:count, 1] += np.uint64(1 << 56)
        lanes[:count, 2 * i : 2 * i + 2] ^= _encrypted(nonce[:count], encrypt, scratch)
    _clear_tail(text, length, first=2 * (int(length.min()) >> 4))
    return text


def _encrypted(
    blocks: npt.NDArray[np.uint64], encrypt: object, scratch: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint64]:
    """Every 16-octet row enciphered; the result lies in `scratch` until the next call."""
    size = blocks.shape[0] * 16
    encrypt(np.ascontiguousarray(blocks).data.cast("B"), scratch[: size + 15])  # type: ignore[operator]
    return scratch[:size].view(_U64).reshape(-1, 2)


assert PADDING >= 16 * 16
