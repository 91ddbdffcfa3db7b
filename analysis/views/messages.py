"""The verb `message`: one or many messages without a capture, from arguments, files, folders or stdin.

Strategy: every source becomes inputs (octets with a name), every input one `Message`. Commands and responses
that came together are paired, so that the responses are named surely. Text forms are told apart by
`dissectors.gbcs.inputs`; a line of JSON with `hex` is read as the published DLMS vectors are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any

from analysis.pipeline.payloads import Signatures, note_twin
from analysis.views.message_inputs import Source, Unreadable, frame_message, kind_of, read_sources
from analysis.views.message_tree import json_line, print_tree, to_json, tree_text
from dissectors import DissectionError, Keyring, Message
from dissectors.gbcs import identify, read_block, read_tunnel_header, reassemble
from dissectors.model import Malformed
from dissectors.text import json_text

__all__ = ["Source", "dissect", "dissect_all", "print_tree", "read_sources", "run", "to_json", "tree_text"]

OK, UNREADABLE, PARTLY = 0, 3, 4


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
    wanted = kind if kind != "auto" else source.kind
    if source.error is not None:
        return _refused(source, wanted, source.error)
    if not source.octets and source.extra:
        return _document(source)
    if wanted == "auto":
        wanted = kind_of(source.octets, ring)
    if not wanted:
        text = (
            "not recognised: neither a GBCS or DLMS message nor a radio frame (--kind says what it should be)"
        )
        return _refused(source, wanted, Malformed(text, layer="input"))
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
    return frame_message(source.octets, ring)


def _refused(source: Source, kind: str, error: DissectionError) -> Message:
    """A message that could not be read at all: of the kind that was asked for, if any was."""
    message = Message("unknown" if kind in ("auto", "") else kind, source.octets)  # type: ignore[arg-type]
    message.error = error
    return message


def _document(source: Source) -> Message:
    """A DUIS document without a message in it: an acknowledgement, an error, an alert of the DCC."""
    said = source.extra
    words = [said["duis"], said["service_reference"], said.get("service", "")]
    summary = "DUIS " + " ".join(word for word in words if word)
    if said.get("response_code"):
        summary += f": {said['response_code']} ({said['response']})"
    return Message("gbcs", b"", facts=dict(said), columns={"summary": summary})


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
        header = read_tunnel_header(octets) if identify(octets) == "tunnel" else None
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
    return [(s.choice, s.target) for s in specifications]


def _exchange(message: Message, command: bool) -> tuple[Any, ...]:
    facts = message.facts
    ends = (facts.get("originator"), facts.get("recipient"))
    ends = ends if command else ends[::-1]
    return (*ends, facts.get("originator_counter"), facts.get("message_code"))


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
    explain: bool = False,
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
        explain: with what their fields mean.
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
            line = json_line(source, message, reveal=reveal)
            if explain:
                line = json_text(to_json(source, message, reveal=reveal, explain=True))
            stream.write(line + "\n")
        elif as_json:
            documents.append(to_json(source, message, reveal=reveal, explain=explain))
        else:
            print_tree(source, message, stream, reveal, explain=explain)
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
