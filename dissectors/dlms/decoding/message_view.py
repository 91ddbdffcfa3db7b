"""What is shown of a message that was unwrapped: facts, columns and tree, each made when first asked for.

Strategy: whoever decodes thousands of messages wants rows of values and seldom the rest, so only those are
made at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dissectors.dlms.apdu.canonical import noncanonical_apdu
from dissectors.dlms.cosem.obis import object_name
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder
from dissectors.dlms.decoding.secrets import hide_secrets
from dissectors.dlms.decoding.tree import Tree, make_fields
from dissectors.dlms.items.pairs import Pair
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue, walked
from dissectors.model.message import Message
from dissectors.model.secrets import hide

__all__ = ["DlmsMessage"]

MAX_NOTES = 50


class DlmsMessage(Message):
    """A `Message` whose facts, columns and fields are made when they are first asked for.

    Args:
        transport: as found.
        decoder: what was read.
        trees: its field trees to be.
        error: why it was refused, if it was.
        reveal: show keys and passwords.
    """

    __slots__ = (
        "_columns",
        "_decoder",
        "_facts",
        "_fields",
        "_hidden",
        "_noted",
        "_reveal",
        "_transport",
        "_trees"
    )  # fmt: skip

    def __init__(
        self,
        octets: bytes,
        transport: str,
        decoder: ApduDecoder,
        trees: Sequence[Tree],
        error: DissectionError | None = None,
        reveal: bool = False,
    ) -> None:
        self.kind = "dlms"
        self.octets = octets
        self._hidden = {} if reveal else hide_secrets(decoder)
        self.items = decoder.rows
        self.buffers = {"message": octets, **decoder.buffers}
        self.issues = [*([Issue.of(error)] if error is not None else ()), *decoder.issues]
        self.error = error
        self.origins = ()
        self.parents = {name: decoder.parents[name] for name in decoder.buffers}
        self._transport, self._decoder, self._trees, self._reveal = transport, decoder, trees, reveal
        self._facts: dict[str, Any] | None = None
        self._columns: dict[str, Any] | None = None
        self._fields: list[Field] | None = None
        self._noted = False

    @property
    def decoder(self) -> ApduDecoder:
        """What was read."""
        return self._decoder

    @property
    def facts(self) -> dict[str, Any]:
        """transport, apdus, security, system_title and data; signatures, authentication, tables where any."""
        if self._facts is None:
            found = self._decoder
            self._facts = {
                "transport": self._transport,
                "apdus": found.apdus,
                "security": found.security,
                "system_title": found.system_title.hex() if found.system_title else None,
                "data": found.leaves,
            }
            extras = {
                "signatures": found.signatures,
                "authentication": found.authentication,
                "tables": found.tables,
            }
            self._facts |= {name: value for name, value in extras.items() if value}
        return self._facts

    @facts.setter
    def facts(self, value: dict[str, Any]) -> None:
        self._facts = value

    @property
    def columns(self) -> dict[str, Any]:
        """Values for the `messages` table."""
        if self._columns is None:
            self._columns = _columns(self, self._decoder)
        return self._columns

    @columns.setter
    def columns(self, value: dict[str, Any]) -> None:
        self._columns = value

    @property
    def fields(self) -> list[Field]:
        """One branch for each carrier frame or APDU; every octet of every buffer lies in a leaf."""
        if self._fields is None:
            self._fields = make_fields(self._trees)
            every = walked(self._fields)
            _name_values(every, self._decoder.named)
            if not self._reveal:
                _hide_passwords(every)
                _hide_values(every, self._hidden)
        return self._fields

    @fields.setter
    def fields(self, value: list[Field]) -> None:
        self._fields = value

    def _head(self, source: str, reveal: bool) -> dict[str, Any]:
        """As that of `Message`, with a note for each field without a name and each encoding out of the ordinary."""
        if not self._noted:
            self._noted = True
            self.issues += _unnamed(self.fields)
            departures = map(noncanonical_apdu, self._decoder.read[:MAX_NOTES])
            self.issues += [issue for issue in departures if issue is not None]
        return super()._head(source, reveal)


def _columns(message: DlmsMessage, decoder: ApduDecoder) -> dict[str, Any]:
    """Values for the `messages` table."""
    apdus = decoder.apdus
    carrier = _frame_type(message) if not apdus and message.facts["transport"] == "hdlc" else ""
    states = set(decoder.security)
    opened = states & {"ok", "unauthenticated"}
    shut = states & {"no_key", "bad_tag"}
    decrypted = "none"
    if states - {"none"}:
        decrypted = "some" if opened and shut else "all" if opened else shut.pop() if shut else "none"
    results = [row["result"] for row in message.items if row["result"]]
    outcome = None
    if results:
        outcome = "success" if all(result == "success" for result in results) else "failure"
    client, server = decoder.ends
    return {
        "kind": "dlms",
        "length": len(message.octets),
        "name": apdus[-1] if apdus else carrier or None,
        "originator": message.facts["system_title"],
        "originator_counter": decoder.counter,
        "payload_kind": f"dlms-{apdus[-1]}" if apdus else None,
        "client_sap": client,
        "server_sap": server,
        "signature": decoder.signatures[0] if decoder.signatures else None,
        "decrypted": decrypted,
        "outcome": outcome,
        "summary": _summary(message, apdus, carrier),
        "issue": message.issues[0].text if message.issues else None,
    }


def _summary(message: Message, apdus: list[str], carrier: str) -> str:
    """The APDUs, and the first thing that they say."""
    text = " > ".join(apdus) or carrier or str(message.facts["transport"])
    row = next((row for row in message.items if row["object"]), None)
    if row is None:
        return text
    said = row["object"] if row["value"] is None else f"{row['object']} = {_short(row)}"
    if row["result"] not in (None, "success"):
        said += f": {row['result']}"
    more = len(message.items) - 1
    return f"{text}: {said}" + (f" and {more} more" if more else "")


def _short(row: dict[str, Any]) -> str:
    if row["number"] is not None and row["unit"]:
        return f"{row['number']} {row['unit']}"
    if row.get("unscaled"):
        return f"{row['value']} (unscaled, {row['unit']})"
    value = row["value"]
    if isinstance(value, list):
        return f"{len(value)} elements"
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _frame_type(message: Message) -> str:
    """``hdlc SNRM`` ...: what a message without an APDU is called."""
    found = next((f.meaning for f in message.fields if f.name == "hdlc" and f.meaning), "")
    return f"hdlc {found.split(',')[0]}" if found else ""


def _unnamed(fields: list[Field]) -> list[Issue]:
    """A note for each field that could not be named (the first fifty)."""
    out: list[Issue] = []
    for leaf in walked(fields):
        if leaf.meaning is None and not leaf.children and leaf.name != "unread" and len(out) < MAX_NOTES:
            out.append(
                Issue("note", "dlms", leaf.offset, f"{leaf.name} {leaf.value}: no name for it is known")
            )
    return out


def _name_values(every: list[Field], named: list[tuple[str, list[Pair]]]) -> None:
    """Say at each value which object it belongs to: by its place, as pairs know their nodes."""
    labels: dict[tuple[str, int, int], str] = {}
    for buffer, pairs in named:
        for pair in pairs:
            label = _label(pair)
            if pair.node is not None and label:
                labels[buffer, pair.node[2], pair.node[3]] = label
    starts = {start for _, start, _ in labels}
    for found in every if labels else ():
        if found.offset in starts:
            label = labels.pop((found.buffer, found.offset, found.end), "")
            if label:
                found.meaning = f"{label}: {found.meaning}"


def _label(pair: Pair) -> str:
    where = pair.target
    if where is not None:
        return " ".join(part for part in (where.object or where.text, where.member) if part)
    return object_name(pair.obis)[0] if pair.obis is not None else pair.label or ""


def _hide_passwords(every: list[Field]) -> None:
    """Leave passwords out: the authentication value of an association that uses no challenge."""
    for found in every:
        if found.name == "body" and any(c.name == "mechanism_name" for c in found.children):
            mechanism = next(c for c in found.children if c.name == "mechanism_name")
            if mechanism.children[-1].value == bytes.fromhex("60857405080201"):
                _hide_password(found)


def _hide_password(body: Field) -> None:
    for child in body.children:
        if child.name == "calling_authentication_value":
            child.meaning = f"{child.length - 2} octets, a password: not shown"
            hide(child.children[-1], child.meaning)


def _hide_values(every: list[Field], hidden: Mapping[tuple[str, int, int], str]) -> None:
    """Leave out the octets of secret values, wherever they stand in the tree."""
    for found in every if hidden else ():
        words = hidden.get((found.buffer, found.offset, found.end))
        if words:
            hide(found, words)
