"""What the API answers without a capture: names for filters, what may come next in one, messages that were pasted."""

from __future__ import annotations

import io
import re
from typing import Any

from analysis.pipeline.kept import KeptMessage
from analysis.tables.fields import field_names, fields_about, kind_of, prefix_of
from analysis.tables.filter_language import COMPARE, TOKEN, close_names
from analysis.tables.schema import TABLES
from analysis.views.filters import names_of
from analysis.views.message_inputs import read_sources
from analysis.views.message_tree import kept_json
from analysis.views.messages import dissect_all
from analysis.web.answers import put_texts
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest
from analysis.web.filtered_places import understood
from analysis.wireshark.display_filter import NoDisplayFilter, display_filter

__all__ = ["complete", "fields", "paste", "try_filter"]

Given = dict[str, Any]
SUGGESTIONS = 40
MOST_MESSAGES = 50
LAST_WORD = re.compile(r"""(?:(?<=\s)|^)["'][^"']*$|[^\s(),"']*$""")
"""What is being written: a word, or a text whose quotes are open."""
OPERATORS = ("==", "!=", "<", ">", "contains", "matches", "in")


def fields(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Every name that a filter knows, as `hanscope fields --json` has it."""
    return {"schema": 1, "fields": [one.to_json() for one in fields_about(given["word"])]}


def try_filter(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Whether a text is a filter, and what it asks for, of packets also as a display filter of Wireshark; else where the
    mistake is.
    """
    try:
        found = understood(given["where"], given["table"])
    except BadRequest as wrong:
        return {**wrong.to_json(), "valid": False}
    out = {"schema": 1, "valid": True, "columns": sorted(found.columns), "tables": list(found.tables)}
    return out | {"wireshark": _wireshark(given["where"])} if given["table"] == "packets" else out


def _wireshark(text: str) -> dict[str, Any]:
    """The display filter, and whether it needs a copy by `hanscope wireshark`; or why there is none."""
    try:
        found = display_filter(text)
    except NoDisplayFilter as reason:
        return {"filter": None, "reason": str(reason)}
    return {"filter": found.text, "copy": found.copy}


def complete(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """What may stand at the caret of a filter: names of columns, or operators; each with what it means."""
    text = given["where"][: given["at"]] if given["at"] is not None else given["where"]
    found_word = LAST_WORD.search(text)
    word = found_word.group() if found_word else ""
    before = _tokens(text[: len(text) - len(word)])
    if before and before[-1] in names_of(given["table"]):
        kinds = [{"text": one, "kind": "operator", "meaning": ""} for one in OPERATORS]
        found = [one for one in kinds if one["text"].startswith(word)]
    elif before and (before[-1] in COMPARE or before[-1] in ("contains", "matches", ",")):
        found = _values(held, given, before, word)
    else:
        found = _names(given["table"], word)
    return {"schema": 1, "begin": len(text) - len(word), "end": len(text), "suggestions": found[:SUGGESTIONS]}


def _tokens(text: str) -> list[str]:
    return [match.group().strip() for match in TOKEN.finditer(text)]


def _names(table: str, word: str) -> list[dict[str, str]]:
    wanted, known = word.casefold(), names_of(table)
    told = {(one.table, one.plain): one for one in field_names()}
    plain = [column.name for column in TABLES[table]]
    own = f"{prefix_of(table)}."
    ordered = [*plain, *(name for name in known if name not in plain)]
    if not wanted.startswith(own):
        ordered = [name for name in ordered if not name.startswith(own)]
    first = [name for name in ordered if name.casefold().startswith(wanted)]
    inside = [name for name in ordered if wanted in name.casefold() and name not in first]
    close = [] if first or inside else close_names(word, ordered, 3)
    out = []
    for name in [*first, *inside, *close]:
        one = told.get(known[name])
        said = "" if one is None else f"{kind_of(one.column)}: {one.column.meaning}"
        out.append({"text": name, "kind": "column", "meaning": said})
    return out


def _values(held: CapturesHeld, given: Given, before: list[str], word: str) -> list[dict[str, str]]:
    """Words that the column before the operator holds in this capture."""
    known = names_of(given["table"])
    name = next((one for one in reversed(before) if one in known), "")
    if not name:
        return []
    table, column = known[name]
    wanted, seen = word.strip("\"'").casefold(), dict[str, None]()
    try:
        content = held.opened(given["capture"]).store.content(table)
    except BadRequest:
        return []
    for batch in content.batches[-4:]:
        array = batch.column(column)
        if not hasattr(array, "dictionary"):
            return []
        seen |= dict.fromkeys(one for one in array.dictionary.to_pylist()[:5000] if wanted in one.casefold())
    ordered = sorted(seen, key=lambda one: (not one.casefold().startswith(wanted), one))
    return [{"text": _quoted(one), "kind": "value", "meaning": ""} for one in ordered[:SUGGESTIONS]]


def _quoted(text: str) -> str:
    plain = text.replace("_", "").replace("-", "").isalnum() and not text[0].isdigit()
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def paste(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Messages that were pasted, as trees; keys left out."""
    octets = given["body"]
    if not octets.strip():
        raise BadRequest(
            "nothing was pasted", hint="hex or base64 of a GBCS or DLMS message, or of a radio frame"
        )
    out = []
    sources = []
    for source in read_sources(["-"], io.BytesIO(octets), "pasted"):
        sources.append(source)
        if len(sources) >= MOST_MESSAGES:
            break
    for source, message in dissect_all(sources, held.keyring, kind=given["kind"]):
        told = kept_json(source.name, KeptMessage(None, (), None, message), explain=True)
        put_texts(message.fields, told["fields"], {})
        out.append({**told, "summary": message.columns.get("summary") or message.kind})
    return {"schema": 1, "messages": out}
