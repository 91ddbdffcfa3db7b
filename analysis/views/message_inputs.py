"""Inputs of the verb `message`: arguments, files, folders and stdin to octets, each with a name and a kind.

Text forms are told apart by `dissectors.gbcs.inputs`; a line of JSON with `hex` is read as the published DLMS vectors
are. Nothing is taken for a message, and least of all for a radio frame, unless something in it proves that it is one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from analysis.views.usage import UsageError
from dissectors import DissectionError, HanContext, Keyring, Message, RawFrame
from dissectors.gbcs import Input, identify, read_inputs, response_name, service_name
from dissectors.ieee802154 import ends_in_fcs
from dissectors.model import DlmsKeys, Malformed
from dissectors.text import from_json

__all__ = ["Source", "Unreadable", "frame_message", "kind_of", "read_sources"]

SUFFIXES = frozenset([".hex", ".bin", ".b64", ".txt", ".xml", ".jsonl", ".gbcs", ".gfi", ".dat", ""])


class Unreadable(DissectionError):
    """The file that should hold a message cannot be read."""

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Source:
    """One input: its octets, what it is called, and what was said about it.

    Attributes:
        kind: gbcs, dlms, frame or auto.
        transport: DLMS transport; auto when nothing was said.
        error: why the input could not be turned into octets.
        extra: further keys of its JSON form (service reference of a DUIS document).
    """

    name: str
    octets: bytes = b""
    kind: str = "auto"
    transport: str = "auto"
    keys: tuple[DlmsKeys, ...] = ()
    error: DissectionError | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def read_sources(
    arguments: Sequence[str], stdin: IO[bytes] | None = None, named: str = "stdin"
) -> Iterator[Source]:
    """The inputs that `arguments` name: files, folders, ``-`` for stdin, or messages as text.

    Args:
        stdin: read in place of the process' own.
        named: what it is called in the names of its messages.

    Raises:
        OSError: stdin cannot be read.
        UsageError: an argument is empty.
    """
    for argument in arguments:
        if not argument.strip():
            raise UsageError("MESSAGE is empty", "hex, base64, a file, a folder, or - for stdin")
        if argument == "-":
            yield from _inputs((stdin or sys.stdin.buffer).read(), named)
            continue
        path = _path(argument)
        if path is not None and path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            for file in files:
                yield from _file(file, str(file))
            if not files:
                text = "a folder without a message"
                yield Source(argument, error=Unreadable(text, layer="input"))
        elif path is not None:
            yield from _file(path, argument)
        else:
            yield from _inputs(argument.encode(), "argument")


def _file(path: Path, name: str) -> Iterator[Source]:
    """The messages of a file; one that cannot be read is an input with an error, so that the others are read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        yield Source(name, error=Unreadable(error.strerror or "cannot be read", layer="input"))
        return
    yield from _inputs(data, name)


def _path(argument: str) -> Path | None:
    """The file or folder called `argument`; None when there is none (a long message is no file name)."""
    try:
        path = Path(argument)
        return path if path.exists() else None
    except (OSError, ValueError):
        return None


def _inputs(data: bytes, name: str) -> Iterator[Source]:
    if _is_json_lines(data):
        yield from _json_lines(data, name)
        return
    try:
        found = read_inputs(data)
    except DissectionError as error:
        yield Source(name, data, error=error)
        return
    if not found:
        yield Source(name, data, error=Malformed("no message in it", layer="input"))
    for one in found:
        place = f"{name}, {one.place}" if one.place else name
        parts = [one.octets] if one.form in ("duis", "gfi") else split(one.octets)
        for number, part in enumerate(parts, 1):
            where = place if len(parts) == 1 else f"{place}, message {number}"
            yield Source(where, part, error=one.error, extra=_duis(one))


def _duis(one: Input) -> dict[str, Any]:
    """What a DUIS document says besides its message."""
    if one.form != "duis" or not (one.service_reference or one.response_code):
        return {}
    extra = {"service_reference": one.service_reference, "duis": one.document}
    service = service_name(one.service_reference)
    if service:
        extra["service"] = service
    if one.response_code:
        extra |= {"response_code": one.response_code, "response": response_name(one.response_code)}
    return extra


def _is_json_lines(data: bytes) -> bool:
    """Whether the first line is the beginning of a JSON object (a C array begins with a brace too)."""
    first = data.lstrip()[: 1 << 16].split(b"\n")[0].strip()
    return first.startswith(b"{") and first[1:].lstrip()[:1] in (b'"', b"}") and len(first) > 1


def _json_lines(data: bytes, name: str) -> Iterator[Source]:
    """Lines such as those of the published DLMS vectors: `id`, `hex`, `transport`, `keys`."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
            octets = _octets_of(row)
            keys = _dlms_keys(row.get("keys"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield Source(where, error=Malformed("a JSON line without readable `hex`", layer="input"))
            continue
        except DissectionError as error:
            yield Source(where, error=error)
            continue
        kind = str(row.get("format") or ("dlms" if "transport" in row else "auto"))
        transport = str(row.get("transport") or "auto")
        source = Source(str(row.get("id") or where), octets, kind, transport, keys)
        if transport != "auto" and transport not in _transports():
            text = f"a transport that is not known; one of {', '.join(_transports())}"
            source.error = Malformed(text, layer="input")
        yield source


def _octets_of(row: Any) -> bytes:
    """The octets of a JSON line: `hex`, or what else names them. Raises ValueError and Malformed."""
    if "hex" in row:
        return bytes.fromhex(row["hex"])
    found = from_json(json.dumps(row))
    if not found:
        raise ValueError("no octets")
    return found[0][0]


def _transports() -> Collection[str]:
    from dissectors.dlms import READERS

    return READERS


def _dlms_keys(held: dict[str, str] | None) -> tuple[DlmsKeys, ...]:
    if not held:
        return ()
    from dissectors.dlms import vector_keys

    return (vector_keys(held),)


# --- what octets are


def kind_of(octets: bytes, ring: Keyring | None = None) -> str:
    """What octets are when nobody says: gbcs by their start, dlms by a carrier or APDU, frame by its check sequence
    or by headers that fit to the end; ``""`` when nothing proves any of them."""
    from dissectors.dlms import is_whole, recognise

    if identify(octets) != "unknown":
        return "gbcs"
    carrier = recognise(octets)
    if carrier not in ("", "apdu"):
        return "dlms"
    if len(octets) >= 5 and any(octets) and ends_in_fcs(octets):
        return "frame"
    if is_whole(octets):
        return "dlms"
    if 5 <= len(octets) <= 127 and _is_frame(octets, ring or Keyring()):
        return "frame"
    return "dlms" if carrier else ""


PROVING = frozenset({"ZCL", "ZDP", "GBCS", "DLMS", "CBKE"})
"""Protocols so deep in a frame that every header before them fitted."""


def _is_frame(octets: bytes, ring: Keyring) -> bool:
    """Whether a frame without its check sequence proves itself: a right integrity code, or an application command in
    known headers, each of which reads to its end."""
    found = frame_message(octets, ring)
    if "ok" in (
        found.columns.get("nwk_security"),
        found.columns.get("aps_security"),
        found.columns.get("mac_security"),
    ):
        return True
    wrong = any(issue.severity != "note" for issue in found.issues)
    return found.columns.get("protocol") in PROVING and not wrong


def frame_message(octets: bytes, ring: Keyring) -> Message:
    """One radio frame as a message."""
    from dissectors import dissect_frame

    dissection = dissect_frame(RawFrame(octets), HanContext(ring))
    facts = {"protocol": dissection.columns.get("protocol"), "summary": dissection.columns.get("summary")}
    message = Message("frame", octets, facts=facts, fields=dissection.fields, issues=dissection.issues)
    message.columns = dict(dissection.columns)
    message.buffers = dissection.buffers
    return message


def split(octets: bytes) -> list[bytes]:
    """The messages that stand one behind the other: GBCS messages, and DLMS APDUs without a carrier, by the lengths
    that they say. What cannot be split stays together.
    """
    out: list[bytes] = []
    rest = octets
    while rest:
        size = _first_message(rest)
        if size is None or size >= len(rest) or not _begins(rest[size:]):
            break
        out.append(rest[:size])
        rest = rest[size:]
    return [*out, rest] if rest or not out else out


def _first_message(octets: bytes) -> int | None:
    """Octets of the first message; None when it does not say, or has a carrier that is read as a stream."""
    from dissectors.dlms import find_transport, read_apdu
    from dissectors.zcl import message_length

    if identify(octets) in ("mac", "signed"):
        return message_length(octets)
    if identify(octets) != "unknown" or find_transport(octets) != "apdu":
        return None
    try:
        return read_apdu(octets).end
    except DissectionError:
        return None


def _begins(octets: bytes) -> bool:
    if identify(octets) in ("mac", "signed"):
        return len(octets) >= SHORTEST
    return len(octets) >= SHORTEST and _first_message(octets) is not None


SHORTEST = 8
"""Fewer octets are no message behind another one."""
