"""The verb `message`: one or many messages without a capture, from arguments, files, folders or stdin.

Strategy: every source becomes inputs (octets with a name), every input one `Message`. Commands and responses
that came together are paired, so that the responses are named surely. Text forms are told apart by
`dissectors.gbcs.inputs`; a line of JSON with `hex` is read as the published DLMS vectors are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from analysis.console import UsageError
from analysis.payloads import Signatures, note_twin
from dissectors.errors import DissectionError, Malformed
from dissectors.field import Field, json_value
from dissectors.gbcs.detection import identify
from dissectors.gbcs.gbt import read_block, reassemble
from dissectors.gbcs.inputs import read_inputs
from dissectors.gbcs.tunnel import read_header
from dissectors.gbcs.values import is_secret
from dissectors.keyring import DlmsKeys, Keyring
from dissectors.message import Message
from dissectors.printable import json_text, printable

__all__ = ["Source", "dissect", "dissect_all", "read_sources", "run"]

OK, UNREADABLE, PARTLY = 0, 3, 4
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


def read_sources(arguments: Sequence[str], stdin: IO[bytes] | None = None) -> Iterator[Source]:
    """The inputs that `arguments` name: files, folders, ``-`` for stdin, or messages as text.

    Raises:
        OSError: stdin cannot be read.
        UsageError: an argument is empty.
    """
    for argument in arguments:
        if not argument.strip():
            raise UsageError("MESSAGE is empty", "hex, base64, a file, a folder, or - for stdin")
        if argument == "-":
            yield from _inputs((stdin or sys.stdin.buffer).read(), "stdin")
            continue
        path = _path(argument)
        if path is not None and path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            for file in files:
                yield from _file(file, str(file))
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
    if data.lstrip()[:1] == b"{":
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
        extra = {}
        if one.service_reference:
            extra = {"service_reference": one.service_reference, "duis": one.document}
        place = f"{name}, {one.place}" if one.place else name
        yield Source(place, one.octets, extra=extra)


def _json_lines(data: bytes, name: str) -> Iterator[Source]:
    """Lines such as those of the published DLMS vectors: `id`, `hex`, `transport`, `keys`."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
            octets = bytes.fromhex(row["hex"])
            keys = _dlms_keys(row.get("keys"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield Source(where, error=Malformed("a JSON line without readable `hex`", layer="input"))
            continue
        kind = str(row.get("format") or ("dlms" if "transport" in row else "auto"))
        source = Source(str(row.get("id") or where), octets, kind, str(row.get("transport") or "auto"), keys)
        yield source


def _dlms_keys(held: dict[str, str] | None) -> tuple[DlmsKeys, ...]:
    if not held:
        return ()
    from dissectors.dlms.message import vector_keys

    return (vector_keys(held),)


# --- octets to messages

_APDU_TAGS = frozenset([*range(0x01, 0x10), *range(0x60, 0x64), *range(0xC0, 0xE1)])


def kind_of(octets: bytes) -> str:
    """What octets are when nobody says: gbcs by their start, frame by its check sequence, else dlms."""
    from dissectors.dlms.message import find_transport as carrier_of

    if identify(octets) != "unknown":
        return "gbcs"
    if carrier_of(octets) != "apdu":
        return "dlms"
    if len(octets) >= 5 and _frame_check(octets[:-2]) == int.from_bytes(octets[-2:], "little"):
        return "frame"
    return "dlms" if octets and octets[0] in _APDU_TAGS else "frame" if 3 <= len(octets) <= 127 else "dlms"


def _frame_check(octets: bytes) -> int:
    """CRC-16 of IEEE 802.15.4, bit reversed as it is sent."""
    crc = 0
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def dissect(
    source: Source,
    keyring: Keyring | None = None,
    *,
    kind: str = "auto",
    command: Message | None = None,
    version: str | None = None,
    at: datetime | None = None,
    reveal: bool = False,
) -> Message:
    """The message of one input, of the given `kind` or of the one that it looks like, as it was at a time."""
    ring = keyring or Keyring()
    wanted = kind if kind != "auto" else source.kind if source.kind != "auto" else kind_of(source.octets)
    if source.error is not None:
        message = Message("gbcs" if wanted == "auto" else wanted, source.octets)  # type: ignore[arg-type]
        message.error = source.error
        return message
    if wanted == "gbcs":
        from dissectors import gbcs

        return gbcs.dissect_message(source.octets, ring.gbcs, command=command, version=version, at=at)
    if wanted == "dlms":
        from dissectors import dlms

        keys = (*source.keys, *ring.dlms)
        found: Message = dlms.dissect_message(
            source.octets, transport=source.transport, keys=keys, reveal=reveal
        )
        return found
    return _frame(source.octets, ring)


def _frame(octets: bytes, ring: Keyring) -> Message:
    """One radio frame as a message."""
    from importlib import import_module

    from dissectors.context import HanContext
    from dissectors.frame import RawFrame

    dissect_frame: Any = import_module("dissectors").dissect_frame
    dissection = dissect_frame(RawFrame(octets), HanContext(ring))
    facts = {"protocol": dissection.columns.get("protocol"), "summary": dissection.columns.get("summary")}
    message = Message("frame", octets, facts=facts, fields=dissection.fields, issues=dissection.issues)
    message.buffers = dissection.buffers
    return message


def dissect_all(
    sources: Iterable[Source],
    keyring: Keyring | None = None,
    *,
    kind: str = "auto",
    version: str | None = None,
    at: datetime | None = None,
    reveal: bool = False,
) -> Iterator[tuple[Source, Message]]:
    """Every input with its message; GBCS responses with the command that came before or after them."""
    held = _reassembled(list(sources))
    first = [dissect(source, keyring, kind=kind, version=version, at=at, reveal=reveal) for source in held]
    signatures = Signatures()
    commands: dict[tuple[Any, ...], list[Message]] = {}
    for message in first:
        if message.facts.get("cra") == "command":
            commands.setdefault(_exchange(message, True), []).append(message)
    for source, message in zip(held, first, strict=True):
        answers = message.facts.get("cra") == "response"
        command = _only(commands.get(_exchange(message, False), [])) if answers else None
        if command is not None:
            message = dissect(source, keyring, kind="gbcs", command=command, version=version, at=at)
        twin = signatures.twin_of(message, source.name)
        if twin is not None:
            note_twin(message, twin)
        yield source, message


def _reassembled(sources: list[Source]) -> list[Source]:
    """The sources, and behind them a message for every set of GBT blocks among them."""
    blocks = []
    for source in sources:
        octets = source.octets
        header = read_header(octets) if identify(octets) == "tunnel" else None
        octets = octets[header.length :] if header is not None else octets
        if source.error is None and identify(octets) == "gbt":
            try:
                blocks.append(read_block(octets))
            except DissectionError:
                continue  # the block itself will say what is wrong with it
    for found in reassemble(blocks):
        source = Source(f"{found.key[0].hex()} counter {found.key[1]}, of blocks", found.octets, "gbcs")
        if not found.complete:
            source.error = Malformed(found.issues[-1].text, layer="gbcs.gbt")
        sources.append(source)
    return sources


def _only(commands: list[Message]) -> Message | None:
    """The command that is meant, when all that fit ask for the same (test sets reuse their counters)."""
    asked = [_asked(command) for command in commands]
    return commands[-1] if commands and all(a == asked[0] for a in asked) else None


def _asked(command: Message) -> list[tuple[Any, ...]]:
    payload = getattr(command, "payload", None)
    specifications = payload.specifications if payload is not None else ()
    return [(s.choice, s.class_id, s.obis, s.number) for s in specifications]


def _exchange(message: Message, command: bool) -> tuple[Any, ...]:
    facts = message.facts
    ends = (facts.get("originator"), facts.get("recipient"))
    ends = ends if command else ends[::-1]
    return (*ends, facts.get("originator_counter"), facts.get("message_code"))


# --- messages to people and machines


def to_json(source: Source, message: Message, *, reveal: bool = False) -> dict[str, Any]:
    """The JSON form of a message (architecture: schema 1), keys left out unless `reveal`."""
    out = message.to_json(source.name)
    out |= source.extra
    if not reveal:
        _mask(out["fields"])
        for row in out.get("items", ()):
            if _secret(str(row.get("object")), row.get("value")):
                row["value"] = HIDDEN
    return out


HIDDEN = "(hidden: --reveal shows it)"


def _secret(name: str, value: Any) -> bool:
    return value not in (None, b"", "") and is_secret(name)


def _mask(fields: list[dict[str, Any]]) -> None:
    for one in fields:
        if not one["children"] and _secret(one["name"], one["value"]):
            one["value"], one["meaning"] = None, HIDDEN
        _mask(one["children"])


def run(
    arguments: Sequence[str],
    keyring: Keyring | None = None,
    *,
    kind: str = "auto",
    as_json: bool = False,
    jsonl: bool = False,
    version: str | None = None,
    at: datetime | None = None,
    reveal: bool = False,
    out: IO[str] | None = None,
    stdin: IO[bytes] | None = None,
) -> int:
    """Read, dissect and print messages; the exit code: 0; 3 when a file could not be opened; 4 when a message
    could not be read, or not to its end.

    Args:
        arguments: hex, base64, file and folder names, ``-`` for stdin.
        kind: gbcs, dlms, frame or auto.
        as_json: one document (a list when there are several messages); `jsonl`: one object a line.
        version: version of GBCS to hold messages against.
        at: when the messages were there, for the validity of certificates; None leaves it unchecked.
    """
    stream = out or sys.stdout
    pairs = dissect_all(
        read_sources(arguments, stdin), keyring, kind=kind, version=version, at=at, reveal=reveal
    )
    documents = []
    code = OK
    for source, message in pairs:
        code = _worse(code, _code_of(message))
        if jsonl:
            stream.write(json_text(to_json(source, message, reveal=reveal)) + "\n")
        elif as_json:
            documents.append(to_json(source, message, reveal=reveal))
        else:
            _print_tree(source, message, stream, reveal)
    if as_json and not jsonl:
        whole = documents[0] if len(documents) == 1 else documents
        stream.write(json_text(whole, indent=2) + "\n")
    return code


def _code_of(message: Message) -> int:
    """The exit code for one message of whatever kind: what could be read in part only is not ok."""
    if isinstance(message.error, Unreadable):
        return UNREADABLE
    broken = message.error is not None or any(issue.severity == "error" for issue in message.issues)
    return PARTLY if broken else OK


def _worse(one: int, other: int) -> int:
    """That a file could not be read weighs more than that a message could not."""
    return UNREADABLE if UNREADABLE in (one, other) else max(one, other)


def _print_tree(source: Source, message: Message, stream: IO[str], reveal: bool) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    # a pipe gets whole lines; a terminal is given its own width
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 1000)
    root = Tree(_said(f"{source.name}: {message.columns.get('summary') or message.kind}", "bold"))
    said = {k: v for k, v in message.facts.items() if v not in (None, "")}
    facts = root.add(Text("facts", style="bold"))
    for name, value in said.items():
        facts.add(Text.assemble((f"{name}: ", "cyan"), printable(str(json_value(value)))))
    if message.items:
        items = root.add(Text(f"items ({len(message.items)})", style="bold"))
        for row in message.items:
            items.add(_said(_item_line(row, reveal)))
    fields = root.add(Text("fields", style="bold"))
    for one in message.fields:
        _branch(fields, one, reveal)
    for issue in message.issues:
        colour = {"error": "red", "warning": "yellow"}.get(issue.severity, "dim")
        root.add(_said(f"{issue.severity}: {issue.layer}, offset {issue.offset}: {issue.text}", colour))
    if message.error is not None:
        root.add(_said(f"not readable: {message.error}", "red"))
    console.print(root)


def _said(text: str, style: str = "") -> Any:
    from rich.text import Text

    return Text(printable(text), style=style)


def _item_line(row: dict[str, Any], reveal: bool) -> str:
    scaled = row.get("unit") and not row.get("unscaled")
    value = row.get("number") if scaled else row.get("value")
    shown = HIDDEN if not reveal and _secret(str(row.get("object")), value) else json_value(value)
    words = [
        str(row.get("object") or "value"),
        "=" if value is not None else "",
        str(shown) if value is not None else "",
    ]
    unit = row.get("unit") or ""
    words += [f"(unscaled, {unit})" if row.get("unscaled") else unit]
    words += [f"[{row['result']}]" if row.get("result") else ""]
    place = [str(row[key]) for key in ("class_id", "obis", "attribute") if row.get(key) is not None]
    if row.get("obis"):
        words.append(f"({', '.join(place)})")
    return " ".join(w for w in words if w)


def _branch(tree: Any, one: Field, reveal: bool) -> None:
    from rich.text import Text

    hidden = not reveal and not one.children and _secret(one.name, one.value)
    value = "" if one.children or one.value is None else f" = {HIDDEN if hidden else json_value(one.value)}"
    said = "" if hidden or not one.meaning or one.meaning == str(one.value) else f"  {one.meaning}"
    place = f"{one.offset:>4}+{one.length:<3} "
    node = tree.add(
        Text.assemble(
            (place, "dim"), (printable(one.name), "cyan"), printable(value), (printable(said), "green")
        )
    )
    for child in one.children:
        _branch(node, child, reveal)
