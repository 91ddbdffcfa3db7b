"""The batch form of AES-CCM* against the library's one-frame form."""

import random

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from dissectors.crypto import ccm_batch
from dissectors.crypto.ccm_batch import Sealed, open_all
from dissectors.vectors import OctetArray, padded

KEY = bytes(range(16))
KEYS = (KEY, *(bytes((i,)) * 16 for i in range(1, 30)))


def keys_of(count: int, keys: int) -> np.ndarray:
    """Which of so many keys each of so many frames is under: unequal shares, none falling."""
    return np.sort(np.random.default_rng(count).integers(0, keys, count) ** 2 // keys)


def sealed_frames(count: int, seed: int, keys: int = 1) -> tuple[Sealed, list[bytes], list[bool]]:
    """Frames of many shapes; every seventh has one bit of its MIC or text turned."""
    which = keys_of(count, keys).tolist()
    rng, records, texts, good, shape = random.Random(seed), [], [], [], []
    for i in range(count):
        head = bytearray(rng.randbytes(rng.choice([13, 14, 22, 29, 30, 31, 38, 62])))
        control = rng.randrange(len(head))
        head[control] = 0x28
        source, counter = rng.randbytes(8), rng.randbytes(4)
        text = rng.randbytes(rng.choice([0, 1, 15, 16, 17, 31, 32, 33, 90]))
        open_head = bytes(head[:control]) + b"\x2d" + bytes(head[control + 1 :])
        cipher = AESCCM(KEYS[which[i]], tag_length=4).encrypt(source + counter + b"\x2d", text, open_head)
        if i % 7 == 3:
            at = rng.randrange(len(cipher))
            cipher = cipher[:at] + bytes((cipher[at] ^ 1 << rng.randrange(8),)) + cipher[at + 1 :]
        records.append(bytes(head) + cipher)
        texts.append(text)
        good.append(i % 7 != 3)
        shape.append(
            (len(head), control, int.from_bytes(source, "little"), int.from_bytes(counter, "little"))
        )
    data, offset, end = padded(records)
    length, control_at, sources, counters = (np.array(c, np.uint64) for c in zip(*shape, strict=True))
    sealed = Sealed(
        OctetArray(data),
        offset,
        offset + control_at.astype(np.int64),
        offset + length.astype(np.int64),
        end,
        sources,
        counters.astype(np.uint32),
    )
    return sealed, texts, good


@pytest.mark.parametrize("count", [1, 7, 200, 3000])
@pytest.mark.parametrize("small", [0, 1 << 30])
@pytest.mark.parametrize("keys", [1, 2, 30])
def test_opens_what_the_library_sealed(
    count: int, small: int, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccm_batch, "SMALL", small)
    sealed, texts, good = sealed_frames(count, seed=count, keys=keys)
    plain = open_all(sealed, KEYS[:keys], keys_of(count, keys))
    assert plain.ok.tolist() == good
    octets = b"".join(piece.tobytes() for piece in plain.pieces)
    for row, text in enumerate(texts):
        begin = int(plain.place[row])
        if good[row]:
            assert octets[begin : begin + len(text)] == text
    assert sum(octets) == sum(sum(text) for text, right in zip(texts, good, strict=True) if right)


def test_another_key_opens_nothing_and_shows_nothing() -> None:
    sealed, _, _ = sealed_frames(100, seed=5)
    plain = open_all(sealed, (bytes(16),), np.zeros(100, np.int64))
    assert not plain.ok.any() and not any(piece.any() for piece in plain.pieces)
