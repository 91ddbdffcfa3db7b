"""keys.toml: the only way in for secrets besides `HANSCOPE_KEYS`. Errors name the line, never a key.

Strategy: each section has one reader function in `SECTIONS`; it gets an `Entry`, which knows where it
stands in the file, and hands values on only after checking them. TOML itself keeps no positions, so
`Entry` finds its line by counting section headers.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from analysis.keys.remote_parties import REMOTE_PARTIES
from captures.toml_text import TomlError, parse_toml
from dissectors import Key, Keyring
from dissectors.model import CbkeScalars, DeviceName, DlmsKeys, InstallCode, KeyKind
from dissectors.zigbee import install_code_trouble

__all__ = ["ENVIRONMENT", "KeyFileError", "loose_mode", "read_keys", "read_keys_text"]

ENVIRONMENT = "HANSCOPE_KEYS"
"""Environment variable that names the key file when none is given."""
FORM = 'keys are written key = "32 hex digits"'

ROLES = frozenset(["ESME", "GSME", "CHF", "GPF", "PPMID", "IHD", "CAD", "HCALCS", "HHT"])


class KeyFileError(Exception):
    """The key file cannot be read or says something impossible.

    Attributes:
        path, line: where; line is None when the whole file is meant.
        text: what is wrong, without any key octet.
        hint: what to do about it.
    """

    def __init__(self, path: str, text: str, *, line: int | None = None, hint: str = "") -> None:
        super().__init__(text)
        self.path = path
        self.line = line
        self.text = text
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:  # it may come from a worker process
        return partial(type(self), line=self.line, hint=self.hint), (self.path, self.text)

    def __str__(self) -> str:
        place = f"{self.path}: line {self.line}" if self.line is not None else self.path
        return f"{place}: {self.text}"


def read_keys(path: str | os.PathLike[str] | None = None) -> Keyring:
    """The keyring that `path` (or else `HANSCOPE_KEYS`) describes; an empty one when neither is given.

    Raises:
        KeyFileError: the file cannot be read, is not TOML, or an entry is not what it should be.
    """
    chosen = os.fspath(path) if path is not None else os.environ.get(ENVIRONMENT, "")
    if not chosen:
        return Keyring()
    try:
        text = Path(chosen).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise KeyFileError(chosen, f"not UTF-8 text (octet {error.start})") from None
    except OSError as error:
        raise KeyFileError(chosen, error.strerror or "cannot be read") from None
    ring = read_keys_text(text, path=chosen)
    ring.path = chosen if path is not None else ""
    return ring


def loose_mode(path: str | os.PathLike[str]) -> str | None:
    """A warning when other users of this machine may read the key file; None when all is well."""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:
        return None
    if os.name != "posix" or not mode & 0o077:
        return None
    return f"{os.fspath(path)}: mode {mode:04o} lets other users read the keys (chmod 600 {os.fspath(path)})"


def read_keys_text(text: str, *, path: str = "keys.toml") -> Keyring:
    """As `read_keys`, from text; `path` is what errors and relative file names refer to."""
    try:
        data = parse_toml(text)
    except TomlError as error:
        column = f" near column {error.column}" if error.column is not None else ""
        raise KeyFileError(path, error.text + column, line=error.line, hint=FORM) from None
    lines = text.splitlines()
    ring = Keyring()
    for section, content in data.items():
        reader = SECTIONS.get(section)
        if reader is None:
            # Its name is not repeated: it may be a key that stands in the wrong place.
            where = _header_line(lines, section, 0) or _name_line(lines, section, 0, len(lines))
            what = (
                "unknown section" if isinstance(content, dict | list) else "a value outside of every section"
            )
            raise KeyFileError(
                path, what + _meant(section, SECTIONS), line=where, hint="sections: " + ", ".join(SECTIONS)
            )
        for index, values in enumerate(content if isinstance(content, list) else [content]):
            entry = Entry(path, lines, section, index, values)
            if not isinstance(values, dict):
                raise entry.error("", "must be a table: write it as [[" + section + "]]")
            try:
                reader(entry, ring)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
                raise entry.error("", "says something that cannot be understood") from None
            entry.finish()
    if ring.gbcs is not None:
        ring.gbcs.name_roles({d.eui64.to_bytes(8, "big"): d.role for d in ring.devices.values() if d.role})
    return ring


def _header_line(lines: list[str], section: str, index: int) -> int | None:
    """Line of the header of a section (the `index`-th of that name), also where another one is within it."""
    pattern = re.compile(rf"\s*\[\[?\s*[\"']?{re.escape(section)}[\"']?\s*[\].]")
    found = [number for number, line in enumerate(lines, 1) if pattern.match(line)]
    return found[index] if index < len(found) else None


def _name_line(lines: list[str], name: str, start: int, end: int) -> int | None:
    """Line that gives `name` a value, from `start` on (counted from 0) and before `end`."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]")
    return next((number + 1 for number in range(start, end) if pattern.match(lines[number])), None)


def _meant(name: str, known: Iterable[str]) -> str:
    """What a misspelt name was probably meant to be."""
    near = get_close_matches(name, list(known), 1, 0.75)
    return f" (is it `{near[0]}`?)" if near else ""


@dataclass(slots=True)
class Entry:
    """One table of the file: takes values out, checked, and knows the line of each."""

    path: str
    lines: list[str]
    section: str
    index: int
    values: dict[str, Any]
    _seen: set[str] | None = None

    @property
    def label(self) -> str:
        """What the entry is called in errors and as a key's origin: ``keys.toml: network_key 2``."""
        return f"{self.section} {self.index + 1}"

    @property
    def origin(self) -> str:
        return f"{Path(self.path).name}: {self.label}"

    def error(self, name: str, text: str, hint: str = "") -> KeyFileError:
        """A mistake in what `name` is given, or in the whole entry where it is empty."""
        what = f"{self.label}: {name}" if name else self.label
        return KeyFileError(self.path, f"{what}: {text}", line=self.line_of(name), hint=hint)

    def line_of(self, name: str) -> int | None:
        """The line of `name` in this entry, else that of its header."""
        start = _header_line(self.lines, self.section, self.index)
        if start is None or not name:
            return start
        inside = itertools.takewhile(lambda line: not line.lstrip().startswith("["), self.lines[start:])
        return _name_line(self.lines, name, start, start + len(list(inside))) or start

    def get(self, name: str) -> Any:
        """The value as TOML gave it, or None."""
        self._seen = (self._seen or set()) | {name}
        return self.values.get(name)

    def finish(self) -> None:
        """Refuse names that nobody asked for: a misspelt `devices` must not be silently ignored."""
        known = sorted(self._seen or ())
        unknown = sorted(set(self.values) - set(known) - {"comment"})
        if unknown:
            # Its name is not repeated: it may be a key that stands in the wrong place.
            text = f"{self.label}: unknown entry{_meant(unknown[0], known)}"
            hint = "known here: " + ", ".join(known)
            raise KeyFileError(self.path, text, line=self.line_of(unknown[0]), hint=hint)

    def octets(self, name: str, *lengths: int, required: bool = False) -> bytes | None:
        """Hex digits (spaces, colons and dashes allowed) of one of `lengths` octets."""
        value = self.get(name)
        if value is None:
            if required:
                raise self.error("", f"`{name}` is missing")
            return None
        if not isinstance(value, str):
            raise self.error(name, "must be hex digits in quotes")
        digits = re.sub(r"[\s:\-]", "", value).removeprefix("0x")
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", digits):
            raise self.error(name, "is not an even number of hex digits")
        octets = bytes.fromhex(digits)
        if lengths and len(octets) not in lengths:
            wanted = " or ".join(str(2 * n) for n in lengths)
            raise self.error(name, f"needs {wanted} hex digits, has {len(digits)}")
        return octets

    def eui64(self, name: str, value: Any) -> int:
        """An EUI-64 as 16 hex digits, most significant first, with or without colons or dashes."""
        if isinstance(value, str):
            digits = re.sub(r"[\s:\-]", "", value).removeprefix("0x")
            if re.fullmatch(r"[0-9a-fA-F]{16}", digits):
                return int(digits, 16)
        raise self.error(name, "is not an EUI-64 (16 hex digits, as printed on the device)")

    def number(self, name: str, limit: int, *, digits: int = 0) -> int | None:
        """An integer from 0 to `limit`, as a TOML integer or as text such as ``"0x1a62"``; a text of `digits` hex digits
        is one without 0x, as tables write addresses."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = int(value, 16 if digits and len(value) == digits else 0)
            except ValueError:
                raise self.error(name, "is not a number") from None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
            raise self.error(name, f"is not a number from 0 to {limit:#x}")
        return value

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(name, "must be text in quotes")
        return value


SEQUENCES: Mapping[KeyKind, int] = {"network": 0xFF, "thread": 0xFFFF_FFFF}
"""The greatest key sequence number of each kind of key that has one."""


def _key(entry: Entry, ring: Keyring, kind: KeyKind) -> None:
    value = entry.octets("key", 16, required=True)
    assert value is not None
    devices = entry.get("devices") if kind == "link" else None
    pair: tuple[int, int] | None = None
    if devices is not None:
        if not isinstance(devices, list) or len(devices) != 2:
            raise entry.error("devices", "must name the two EUI-64s that share the key")
        pair = (entry.eui64("devices", devices[0]), entry.eui64("devices", devices[1]))
    ring.add(
        Key(
            kind,
            value,
            entry.origin,
            pan=entry.number("pan", 0xFFFF) if kind not in ("link", "green-power") else None,
            sequence=entry.number("sequence", SEQUENCES[kind]) if kind in SEQUENCES else None,
            devices=pair,
            source_id=entry.number("src_id", 0xFFFF_FFFF) if kind == "green-power" else None,
        )
    )


def _network_key(entry: Entry, ring: Keyring) -> None:
    _key(entry, ring, "network")


def _link_key(entry: Entry, ring: Keyring) -> None:
    _key(entry, ring, "link")


def _mac_key(entry: Entry, ring: Keyring) -> None:
    _key(entry, ring, "mac")


def _thread_key(entry: Entry, ring: Keyring) -> None:
    _key(entry, ring, "thread")


def _green_power_key(entry: Entry, ring: Keyring) -> None:
    _key(entry, ring, "green-power")


def _install_code(entry: Entry, ring: Keyring) -> None:
    code = entry.octets("code", required=True)
    assert code is not None
    trouble = install_code_trouble(code)
    if trouble is not None:
        raise entry.error("code", trouble, hint="write it as it is printed on the device, its CRC at the end")
    device = entry.get("device")
    eui64 = None if device is None else entry.eui64("device", device)
    ring.install_codes.append(InstallCode(code, eui64, entry.origin))


def _device(entry: Entry, ring: Keyring) -> None:
    if entry.get("eui64") is None:
        raise entry.error("", "`eui64` is missing")
    eui64 = entry.eui64("eui64", entry.get("eui64"))
    said = entry.text("role")
    role = next((r for r in (*ROLES, *REMOTE_PARTIES.values()) if r.lower() == said.lower()), "")
    if said and not role:
        hint = "roles: " + ", ".join([*sorted(ROLES), *REMOTE_PARTIES.values()])
        raise entry.error("role", "is not a known role", hint=hint)
    before = ring.devices.get(eui64, DeviceName(eui64))
    ring.devices[eui64] = DeviceName(eui64, entry.text("name") or before.name, role or before.role)
    _short_address(entry, ring, eui64)


def _short_address(entry: Entry, ring: Keyring, eui64: int) -> None:
    """Whose a short address is: for those captures that do not say it before it is needed."""
    short, pan = entry.number("short", 0xFFF7, digits=4), entry.number("pan", 0xFFFE)
    if short is None:
        if pan is not None:
            raise entry.error("pan", "says nothing without `short`")
        return
    if pan is None:
        raise entry.error("short", "needs `pan`: a short address belongs to one network")
    owner = ring.addresses.setdefault((pan, short), eui64)
    if owner != eui64:
        raise entry.error("short", "is given to two devices of this PAN")


def _dlms(entry: Entry, ring: Keyring) -> None:
    ring.dlms.append(
        DlmsKeys(
            entry.octets("system_title", 8),
            entry.octets("encryption_key", 16, 32),
            entry.octets("authentication_key", 16, 32),
            entry.octets("dedicated_key", 16, 32),
            broadcast_key=entry.octets("broadcast_key", 16, 32),
            master_key=entry.octets("master_key", 16, 32),
            secret=entry.octets("secret"),
            agreement_private=entry.octets("agreement_private", 32, 48),
            agreement_public=entry.octets("agreement_public", 64, 96),
            signing_public=entry.octets("signing_public", 64, 96),
        )
    )


def _cbke(entry: Entry, ring: Keyring) -> None:
    if entry.get("device") is None:
        raise entry.error("", "`device` is missing")
    static = entry.octets("static_private", 21, 36, required=True)
    ephemeral = entry.octets("ephemeral_private", 21, 36, required=True)
    assert static is not None and ephemeral is not None
    scalars = (int.from_bytes(octets, "big") for octets in (static, ephemeral))
    ring.cbke.append(CbkeScalars(entry.eui64("device", entry.get("device")), *scalars))


def _gbcs(entry: Entry, ring: Keyring) -> None:
    from analysis.keys.keystore_files import KeystoreError, read_keystore

    names = ("access_control_broker", "certificates", "private_keys", "scalars", "roots", "crls")
    settings = {name: entry.get(name) for name in names if entry.get(name) is not None}
    if "access_control_broker" in settings:
        entry.eui64("access_control_broker", settings["access_control_broker"])
    try:
        ring.gbcs = read_keystore(settings, base=Path(entry.path).parent)
    except KeystoreError as error:
        raise entry.error(error.name, str(error), hint=error.hint) from None


SECTIONS: Mapping[str, Callable[[Entry, Keyring], None]] = {
    "network_key": _network_key,
    "link_key": _link_key,
    "mac_key": _mac_key,
    "thread_key": _thread_key,
    "green_power_key": _green_power_key,
    "install_code": _install_code,
    "device": _device,
    "dlms": _dlms,
    "gbcs": _gbcs,
    "cbke": _cbke,
}
