"""keys.toml: any text gives keys, or an error in words that shows none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from analysis.keys.keyfile import SECTIONS, KeyFileError, read_keys_text
from tests.analysis.test_keyfile import KEY, WHOLE
from tests.fuzz.properties import HEX_KEY, safe

LIMIT = 2048
_PARTS = [part for part in re.split(r"(?=\[\[)", WHOLE) if part.strip()]


def seeds() -> Iterator[bytes]:
    yield WHOLE.encode()
    for part in _PARTS:
        yield part.encode()
        for old, new in (
            ("[[", "["),
            ('"', "'"),
            ("= ", "= ["),
            (KEY, KEY + "00"),
            ("\n", "\ncomment = 1979-05-27\n"),
        ):
            yield part.replace(old, new).encode()
    for section in SECTIONS:
        yield f"{section} = 5".encode()
        yield f"[{section}]\nkey = {{ a = 1 }}".encode()
        yield f'[[{section}]]\n"{KEY}" = 1'.encode()
    yield f'["{KEY}"]\na = 1'.encode()
    scalar = "11" * 21
    yield f'[[cbke]]\ndevice = "000d6f0000000001"\nstatic_private = "{scalar}"\nephemeral_private = "{scalar}"'.encode()
    yield b'[gbcs]\naccess_control_broker = "0a51c00000000002"\ncertificates = "absent"\nscalars = "absent.csv"'


@cache
def _nowhere() -> str:
    return str(Path(__file__).parent / "nowhere" / "keys.toml")


def check(octets: bytes) -> None:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return
    if "/" in text and "gbcs" in text:
        return  # files anywhere on this machine are no part of the input
    try:
        ring = read_keys_text(text, path=_nowhere())
    except KeyFileError as error:
        said = f"{error} {error.hint}"
        assert error.text and (
            error.line is None or 0 < error.line <= text.count("\n") + text.count("\r") + 1
        )
        assert not HEX_KEY.search(said), "an error shows a key"
        safe(f"{error.text}\n{error.hint}".split("\n")[:1])
        return
    assert not any(
        HEX_KEY.search(repr(one)) for one in (ring, *ring.keys, *ring.install_codes, *ring.dlms, *ring.cbke)
    )
