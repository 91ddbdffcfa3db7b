"""The repository's own GBCS vectors: a small SMKI and messages built with it (tests/vectors/gbcs)."""

import json
from functools import cache
from pathlib import Path

from dissectors.gbcs import Keystore

FOLDER = Path(__file__).parents[2] / "vectors" / "gbcs"
BROKER, SUPPLIER, OTHER = (bytes.fromhex(f"0a51c00000000{n:03x}") for n in (2, 0x100, 0x200))
ESME, GSME, GPF, PPMID = (bytes.fromhex(f"0a51c0de0000000{n}") for n in (0, 1, 3, 4))


def keystore(*, private: bool = True) -> Keystore:
    """The keystore of the vectors; the broker is to be found by its role."""
    store = Keystore()
    for path in sorted((FOLDER / "keystore").iterdir()):
        if private or path.suffix != ".csv":
            store.add(path.read_bytes(), path.name)
    return store


@cache
def rows() -> list[dict]:
    """The lines of messages.jsonl."""
    return [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text().splitlines()]


def octets(name: str) -> bytes:
    """One message by its id."""
    return bytes.fromhex(next(row["hex"] for row in rows() if row["id"] == name))
