"""The `keys` table: which keys are held, where each came from, and how many frames each opened."""

from __future__ import annotations

from typing import Any

from analysis.pipeline.session import Session
from dissectors import Key, Keyring
from dissectors.zigbee import WELL_KNOWN, install_code_keys

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
    """Rows of the `keys` table: the keys held, those of install codes, and a well-known key that opened a frame.

    The key's octets stand there only when `reveal` is set.
    """
    ring = session.context.keyring
    rows = [_row(key, scope_of(key), session, reveal) for key in ring.keys]
    for code in ring.install_codes:
        scope = "any" if code.device is None else f"{code.device:016x}"
        made = install_code_keys(Keyring(install_codes=[code]))
        rows.extend(_row(key, scope, session, reveal) for key in made)
    if session.opened.get(WELL_KNOWN.origin):
        rows.append(_row(WELL_KNOWN, scope_of(WELL_KNOWN), session, reveal))
    return rows


def _row(key: Key, scope: str, session: Session, reveal: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": key.kind,
        "scope": scope,
        "origin": key.origin,
        "first_frame": key.first_frame,
        "frames_opened": session.opened.get(key.origin, 0),
    }
    if reveal:
        row["key"] = key.value.hex()
    return row
