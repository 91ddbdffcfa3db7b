"""The `keys` table: which keys are held, where each came from, and how many frames each opened."""

from __future__ import annotations

from typing import Any

from analysis.session import Session
from dissectors.keyring import Key

__all__ = ["key_rows", "scope_of"]


def scope_of(key: Key) -> str:
    """What `key` is for, in words.

    >>> scope_of(Key("network", bytes(16), pan=0x1A62, sequence=0))
    'PAN 0x1a62, sequence 0'
    """
    parts = []
    if key.pan is not None:
        parts.append(f"PAN 0x{key.pan:04x}")
    if key.sequence is not None:
        parts.append(f"sequence {key.sequence}")
    if key.devices is not None:
        parts.append(" and ".join(f"{eui64:016x}" for eui64 in key.devices))
    return ", ".join(parts) or "any"


def key_rows(session: Session, *, reveal: bool = False) -> list[dict[str, Any]]:
    """Rows of the `keys` table; the key's octets stand there only when `reveal` is set."""
    rows = []
    for key in session.context.keyring.keys:
        row: dict[str, Any] = {
            "kind": key.kind,
            "scope": scope_of(key),
            "origin": key.origin,
            "first_frame": key.first_frame,
            "frames_opened": session.opened.get(key.origin, 0),
        }
        if reveal:
            row["key"] = key.value.hex()
        rows.append(row)
    return rows
