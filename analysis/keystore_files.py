"""Reads the files that the ``[gbcs]`` section of keys.toml names into a `dissectors.gbcs.Keystore`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dissectors.errors import DissectionError
from dissectors.gbcs.keystore import Keystore

__all__ = ["read_keystore"]

_KEYS = frozenset([".pem", ".der", ".crt", ".cer", ".key", ".csv", ".p8"])
_LISTS = frozenset([".pem", ".der", ".crl", ".arl"])


def read_keystore(settings: Mapping[str, Any], base: Path | str = ".") -> Keystore:
    """The keystore that a ``[gbcs]`` section describes; relative names count from `base`.

    ``certificates`` and ``private_keys`` are files or folders (a name alone or a list of them), ``scalars`` is a CSV
    file (or several), or its text. ``roots`` are certificates that chains may end in (an authority among
    ``certificates`` is none), ``crls`` lists of revoked certificates. Certificates and lists may be PEM text as well.
    Files in a folder whose ending is not one of a key, certificate or list are passed over.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not what it should be, or the broker's id is not an EUI-64; names the file.
    """
    store = Keystore(_broker(settings.get("access_control_broker")))
    doors: dict[str, Callable[[bytes, str], object]] = {
        "certificates": store.add,
        "private_keys": store.add,
        "scalars": store.add,
        "roots": lambda data, _: store.add_root(data),
        "crls": lambda data, _: store.add_revocation_list(data),
    }
    for section, add in doors.items():
        for entry in _listed(settings.get(section)):
            for data, name in _contents(section, entry, Path(base)):
                try:
                    add(data, name)
                except DissectionError as error:
                    raise ValueError(f"{name}: {error.text}") from None
    return store


def _contents(section: str, entry: str, base: Path) -> Iterator[tuple[bytes, str]]:
    """What one entry holds, and what it is called: itself where it is a text, else the files that it names."""
    if section == "scalars" and ("\n" in entry or "," in entry):
        yield entry.removeprefix("csv:").strip().encode(), "scalars in keys.toml"
    elif section in ("certificates", "roots", "crls") and entry.lstrip().startswith("-----BEGIN "):
        yield entry.encode(), f"{section} in keys.toml"
    else:
        for file in _files(base / entry, _LISTS if section == "crls" else _KEYS):
            yield file.read_bytes(), file.name


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


def _files(path: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    if path.is_dir():
        inside: Iterable[Path] = sorted(path.iterdir())
        yield from (p for p in inside if p.is_file() and p.suffix.lower() in suffixes)
    else:
        yield path
