"""Reads the files that the ``[gbcs]`` section of keys.toml names into a `dissectors.gbcs.Keystore`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dissectors import DissectionError
from dissectors.gbcs import Keystore

__all__ = ["KeystoreError", "read_keystore"]

_KEYS = frozenset([".pem", ".der", ".crt", ".cer", ".key", ".csv", ".p8"])
_LISTS = frozenset([".pem", ".der", ".crl", ".arl"])


class KeystoreError(ValueError):
    """A setting of ``[gbcs]`` gives nothing that can be read.

    What it says is never repeated: somebody may have written the key where the name of its file belongs.

    Attributes:
        name: the setting.
        hint: what to give instead.
    """

    def __init__(self, name: str, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.name = name
        self.hint = hint


def read_keystore(settings: Mapping[str, Any], base: Path | str = ".") -> Keystore:
    """The keystore that a ``[gbcs]`` section describes; relative names count from `base`.

    ``certificates`` and ``private_keys`` are files or folders (a name alone or a list of them), ``scalars`` is a CSV
    file (or several), or its text. ``roots`` are certificates that chains may end in (an authority among
    ``certificates`` is none), ``crls`` lists of revoked certificates. Certificates and lists may be PEM text as well.
    Files in a folder whose ending is not one of a key, certificate or list are passed over.

    Raises:
        KeystoreError: a file cannot be read or is not what it should be, or the broker's id is not an EUI-64.
    """
    store = Keystore(_broker(settings.get("access_control_broker")))
    doors: dict[str, Callable[[bytes, str], object]] = {
        "certificates": store.add,
        "private_keys": store.add,
        "scalars": store.add,
        "roots": lambda data, _: store.add_root(data),
        "crls": lambda data, _: store.add_revocation_list(data),
    }
    for name, add in doors.items():
        for number, entry in enumerate(_listed(settings.get(name), name), 1):
            for data, called in _contents(name, number, entry, Path(base)):
                try:
                    add(data, called)
                except DissectionError as error:
                    raise KeystoreError(name, f"{called}: {error.text}") from None
    return store


def _contents(name: str, number: int, entry: str, base: Path) -> Iterator[tuple[bytes, str]]:
    """What one entry of a setting holds, and what it is called: itself where it is a text, else the files that it
    names."""
    if "\n" in entry or "-----BEGIN" in entry or (name == "scalars" and "," in entry):
        yield entry.removeprefix("csv:").strip().encode("utf-8", "replace"), f"the text of entry {number}"
        return
    hint = "give the name of a file or folder"
    try:
        for file in _files(base / entry, _LISTS if name == "crls" else _KEYS):
            yield file.read_bytes(), file.name
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise KeystoreError(name, f"entry {number} names no file that can be read: {reason}", hint) from None
    except ValueError:
        raise KeystoreError(name, f"entry {number} is no file name", hint) from None


def _broker(value: Any) -> bytes | None:
    if value is None:
        return None
    digits = str(value).replace("-", "").replace(":", "").removeprefix("0x")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != 8:
        raise KeystoreError("access_control_broker", "is not an EUI-64")
    return octets


def _listed(value: Any, name: str) -> list[str]:
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(one, str) for one in found):
        raise KeystoreError(name, "must be the name of a file or folder, or a list of such names")
    return found


def _files(path: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    if path.is_dir():
        inside: Iterable[Path] = sorted(path.iterdir())
        yield from (p for p in inside if p.is_file() and p.suffix.lower() in suffixes)
    else:
        yield path
