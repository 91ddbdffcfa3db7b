"""Reads the files that the ``[gbcs]`` section of keys.toml names into a `dissectors.gbcs.Keystore`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dissectors.errors import DissectionError
from dissectors.gbcs.keystore import Keystore

__all__ = ["read_keystore"]

_SUFFIXES = frozenset([".pem", ".der", ".crt", ".cer", ".key", ".csv", ".p8"])


def read_keystore(settings: Mapping[str, Any], base: Path | str = ".") -> Keystore:
    """The keystore that a ``[gbcs]`` section describes; relative names count from `base`.

    ``certificates`` and ``private_keys`` are files or folders (a name alone or a list of them), ``scalars``
    is a CSV file (or several), or its text. Files in a folder whose ending is not one of a key or certificate
    are passed over.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not what it should be, or the broker's id is not an EUI-64; names the file.
    """
    store = Keystore(_broker(settings.get("access_control_broker")))
    for name in ("certificates", "private_keys", "scalars"):
        for entry in _listed(settings.get(name)):
            if name == "scalars" and ("\n" in entry or "," in entry):
                _add(store, entry.removeprefix("csv:").strip().encode(), "scalars in keys.toml")
                continue
            for file in _files(Path(base) / entry):
                _add(store, file.read_bytes(), file.name)
    return store


def _broker(value: Any) -> bytes | None:
    if value is None:
        return None
    digits = str(value).replace("-", "").replace(":", "").removeprefix("0x")
    octets = bytes.fromhex(digits)
    if len(octets) != 8:
        raise ValueError("access_control_broker is not an EUI-64")
    return octets


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        inside: Iterable[Path] = sorted(path.iterdir())
        yield from (p for p in inside if p.is_file() and p.suffix.lower() in _SUFFIXES)
    else:
        yield path


def _add(store: Keystore, data: bytes, name: str) -> None:
    try:
        store.add(data, name)
    except DissectionError as error:
        raise ValueError(f"{name}: {error.text}") from None
