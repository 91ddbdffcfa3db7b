"""The verb `build`: messages from their JSON form, or from a use case and its values."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.views.building import build_json, build_use_case, document_rows, setting_rows
from analysis.views.message_inputs import Source
from analysis.views.messages import dissect
from dissectors import DissectionError, Keyring
from dissectors.model import Malformed

__all__ = ["FORMS", "run"]

FORMS: dict[str, Callable[[bytes, int], str]] = {
    "hex": lambda octets, number: octets.hex(),
    "base64": lambda octets, number: base64.b64encode(octets).decode(),
    "gfi": lambda octets, number: f"GBCS:DATA#{number}:{len(octets)}:{octets.hex().upper()}",
}
"""The forms of text in which a message is written: octets and their 1-based number to a line."""
KINDS = ("command", "response", "alert")
CAPTURES = (".pcap", ".pcapng")
REFERENCES = ("specification[", "result[", "long_invoke")
"""Values that say what others are about: they can be set, but are not listed for people."""


def run(
    what: str, values: Sequence[str], keyring: Keyring, *, form: str, out: str, list_: bool, as_json: bool
) -> int:
    """Build messages; see `hanscope build --help`."""
    if form not in FORMS:
        raise console.UsageError(f"unknown form {form!r}", "forms: " + ", ".join(FORMS))
    try:
        if list_:
            return _list(what, _given(values), keyring, as_json)
        found, code = _built(what, values, keyring)
    except DissectionError as error:
        console.error_line(
            error.text, f"hanscope build {'FILE' if _is_json(what) else 'USECASE'} --list shows its values"
        )
        return console.UNREADABLE
    if not found:
        return code
    if Path(out).suffix in CAPTURES:
        return _capture(found, Path(out), keyring) or code
    text = "".join(FORMS[form](octets, number) + "\n" for number, octets in enumerate(found, 1))
    if out in ("", "-"):
        for line in text.splitlines():
            console.put(line)
        return code
    from captures.whole_files import write_whole

    write_whole(Path(out), text)
    return code


def _built(what: str, values: Sequence[str], keyring: Keyring) -> tuple[list[bytes], int]:
    """The messages, and the exit code: one of several that cannot be built is told, and stops no other."""
    given = _given(values)
    if not _is_json(what):
        return [build_use_case(what, given, keyring)], console.OK
    found, code = [], console.OK
    for number, document in enumerate(_documents(what), 1):
        try:
            found.append(build_json(document, keyring, given))
        except DissectionError as error:
            console.error_line(f"{document.get('source') or f'message {number}'}: {error.text}")
            code = console.UNREADABLE
    return found, code


def _is_json(what: str) -> bool:
    return what == "-" or what.endswith((".json", ".jsonl"))


def _given(values: Sequence[str]) -> dict[str, Any]:
    """``field=value``, and the kind of the message by itself."""
    found: dict[str, Any] = {}
    for one in values:
        name, equals, value = one.partition("=")
        if not equals and name in KINDS:
            found["cra"] = name
        elif not equals or not name:
            raise console.UsageError(f"no value: {one!r}", "field=value, or command, response, alert")
        else:
            found[name] = value
    return found


def _documents(place: str) -> Iterator[dict[str, Any]]:
    """The JSON documents of a file or of stdin: one, a list, or one a line."""
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{place}: {getattr(error, 'strerror', None) or error}", layer="input") from None
    try:
        found = json.loads(text)
    except RecursionError:
        raise Malformed(f"{place}: nested too deep for a message", layer="input") from None
    except ValueError:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise Malformed(f"{place}: no JSON: {error}", layer="input") from None
    documents = found if isinstance(found, list) else [found]
    if not documents:
        raise Malformed(f"{'stdin' if place == '-' else place}: no message in it", layer="input")
    for one in documents:
        if not isinstance(one, dict):
            raise Malformed(f"{place}: not the JSON of a message", layer="input")
        yield one


def _list(what: str, given: dict[str, Any], keyring: Keyring, as_json: bool) -> int:
    if _is_json(what):
        rows = [row for document in _documents(what) for row in document_rows(document, keyring)]
    else:
        rows = setting_rows(what, given, keyring)
    if as_json:
        console.put_json(rows)
        return console.OK
    for row in rows:
        if row["path"].partition(".")[2].startswith(REFERENCES):
            continue
        console.put(f"{row['path']} = {json.dumps(row['value'])}  {row['meaning'] or ''}".rstrip())
        if row["item"] and not row["path"].endswith(row["item"]):
            console.put(f"    {row['item']}")
    return console.OK


def _capture(found: Sequence[bytes], place: Path, keyring: Keyring) -> int:
    """The messages in frames of a capture."""
    from captures.carrying import frame_of, tunnel_frames
    from captures.writer import write_capture

    frames, now = [], time.time_ns()
    for number, octets in enumerate(found):
        message = dissect(Source("", octets), keyring)
        if message.kind == "frame":
            frames.append(frame_of(octets, now))
        elif message.kind == "gbcs":
            command = message.facts.get("cra") == "command"
            device = int(message.facts.get("recipient" if command else "originator") or "0", 16)
            frames += tunnel_frames(octets, device, to_device=command, time_ns=now, number=number)
        else:
            raise console.UsageError(
                f"a {message.kind} message has no frames here", "--as hex, base64 or gfi"
            )
        now += 10**9
    count = write_capture(place, frames, format="pcapng" if place.suffix == ".pcapng" else "pcap")
    console.say(f"{place}: {count} frames")
    return console.OK
