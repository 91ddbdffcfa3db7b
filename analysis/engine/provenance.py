"""Where findings come from: the capture's SHA-256, the versions, the profile, and fingerprints of the keys.

A fingerprint is the first eight hex digits of SHA-256 over the key's kind and octets: enough to see that two people used
the same key, and far too little to find a 128-bit key by. Passwords and install codes, which may be short, have none.
"""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from typing import Any

from analysis.pipeline.keytable import scope_of
from analysis.pipeline.session import Session
from analysis.pipeline.source import ReopenableSource
from analysis.rules.profile import Profile
from dissectors import Key

__all__ = ["fingerprint", "provenance_of", "settings_digest", "version"]


def fingerprint(kind: str, octets: bytes) -> str:
    """What a key is known by.

    >>> fingerprint("network", bytes(16))
    'c38e38f6'
    """
    return hashlib.sha256(f"hanscope {kind} key ".encode() + octets).hexdigest()[:8]


def provenance_of(replay: ReopenableSource, session: Session, profile: Profile) -> dict[str, Any]:
    """All of it, as the JSON forms and the report carry it; `sha256` is null where the octets are gone, `keys_file` where
    none was named."""
    octets, digest = replay.digest()
    ring = session.context.keyring
    return {
        "capture": {"name": replay.name, "sha256": digest, "octets": octets},
        "versions": {"hanscope": version(), "python": platform.python_version()},
        "profile": {"name": profile.name, "sha256": settings_digest(profile)},
        "keys": [_key(key) for key in ring.keys],
        "keys_file": ring.path or None,
    }


def _key(key: Key) -> dict[str, str]:
    return {
        "kind": key.kind,
        "scope": scope_of(key),
        "origin": key.origin,
        "fingerprint": fingerprint(key.kind, key.value),
    }


def settings_digest(profile: Profile) -> str:
    """SHA-256 of the profile's settings in a form that does not depend on how its file is written."""
    rows = [
        f"{rule}.{name}={value!r}"
        for rule, values in sorted(profile.settings.items())
        for name, value in sorted(values.items())
    ]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def version() -> str | None:
    """The version that is installed; None when it runs from a folder."""
    try:
        return metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        return None
