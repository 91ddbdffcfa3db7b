"""One DLMS message in, one `Message` out: the carrier found, all APDUs opened, values named.

`dissect_message` never raises on any octets; input that is refused has `Message.error` and keeps what could
be read before (and, for wrong check sequences, after) the place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dissectors.dlms.agreement import public_octets
from dissectors.dlms.association import Association
from dissectors.dlms.items import Pair
from dissectors.dlms.obis import object_name
from dissectors.dlms.profile_gbcs import departures
from dissectors.dlms.transports import KNOWN_TAGS, LLC_DIRECTIONS, READERS, Result
from dissectors.dlms.tree import Tree, grow
from dissectors.dlms.unwrapping import Unwrapping
from dissectors.errors import DissectionError, Malformed
from dissectors.field import Field, Issue
from dissectors.keyring import DlmsKeys
from dissectors.message import Message

__all__ = ["dissect_message", "dissect_vector", "find_transport", "message_of", "unwrap", "vector_keys"]

MAX_NOTES = 50


class DlmsMessage(Message):
    """A message whose field tree grows when it is first asked for; so do the notes about unnamed fields."""

    __slots__ = ("_fields", "_noted", "named", "reveal", "trees")

    def __init__(self, *args: Any, **more: Any) -> None:
        self.trees: Sequence[Tree] = ()
        self.named: list[tuple[str, list[Pair]]] = []
        self.reveal = False
        self._fields: list[Field] | None = None
        self._noted = False
        super().__init__(*args, **more)
        self._fields = None

    @property
    def fields(self) -> list[Field]:
        """One branch for each carrier frame or APDU; every octet of every buffer lies in a leaf."""
        if self._fields is None:
            self._fields = grow(self.trees)
            _name_values(self._fields, self.named)
            if not self.reveal:
                _hide(self._fields)
        return self._fields

    @fields.setter
    def fields(self, value: list[Field]) -> None:
        self._fields = value

    def to_json(self, source: str = "") -> dict[str, Any]:
        """As `Message.to_json`, with a note for each field without a name."""
        if not self._noted:
            self._noted = True
            self.issues += _unnamed(self.fields)
        return super().to_json(source)


def find_transport(octets: bytes) -> str:
    """The carrier that the first octets speak of; ``"apdu"`` where none does.

    >>> find_transport(bytes.fromhex("7ea0070321930f017e"))
    'hdlc'
    """
    if not octets:
        return "apdu"
    if octets.lstrip(b"\x7e")[:1] and octets[0] == 0x7E and octets.lstrip(b"\x7e")[0] >> 4 == 0xA:
        return "hdlc"
    if octets[:2] == b"\0\1" and len(octets) >= 8:
        length = int.from_bytes(octets[6:8], "big") + 8
        return "wrapper" if length == len(octets) else "wrapper-stream"
    if octets[:3] in LLC_DIRECTIONS:
        return "llc"
    if _is_mbus(octets):
        return "mbus"
    if octets[0] == 0x90 and len(octets) > 3 and octets[3] in KNOWN_TAGS:
        return "iec61334"
    return "apdu"


def _is_mbus(octets: bytes) -> bool:
    at = octets.find(b"\x68")
    return 0 <= at <= 6 and octets[at + 3 : at + 4] == b"\x68" and (at == 0 or octets[0] in (0xE5, 0x10))


def dissect_message(
    octets: bytes,
    *,
    transport: str = "auto",
    keys: Sequence[DlmsKeys] = (),
    association: Association | None = None,
    direction: str = "",
    reveal: bool = False,
    profile: str | None = None,
) -> Message:
    """Read one message as far as it goes.

    Args:
        octets: the message as it came.
        transport: a name in `READERS`, or ``"auto"``.
        keys: keys that may open it.
        association: the memory of its conversation; a fresh one when None.
        direction: ``"to-server"``, ``"to-client"``, or ``""`` when the octets must tell.
        reveal: show dedicated keys and passwords, which are otherwise left out of the fields.
        profile: ``"gbcs"`` to have departures from what GBCS permits among the issues.

    Raises:
        ValueError: `transport` is not a name that is known.
    """
    memory = association or Association.with_keys(keys)
    name, unwrapping, (fields, error) = unwrap(octets, transport, memory, direction)
    if association is None:
        unwrapping.unfinished()
    if profile == "gbcs":
        unwrapping.issues += departures(unwrapping.read)
    return message_of(octets, name, unwrapping, fields, error, reveal)


def unwrap(
    octets: bytes, transport: str, memory: Association, direction: str = ""
) -> tuple[str, Unwrapping, Result]:
    """(transport as found, what was unwrapped, fields and error) of one message.

    Raises:
        ValueError: `transport` is not a name that is known.
    """
    if transport == "auto":
        return _guess(octets, memory, direction)
    if transport not in READERS:
        raise ValueError(f"unknown transport {transport!r}; one of {', '.join(READERS)}")
    unwrapping = Unwrapping(memory, direction)
    return transport, unwrapping, READERS[transport](unwrapping, octets)


def _guess(octets: bytes, memory: Association, direction: str) -> tuple[str, Unwrapping, Result]:
    """The carrier by its first octets; octets that are no APDU but are one Data are that."""
    transport = find_transport(octets)
    unwrapping = Unwrapping(memory, direction)
    result = READERS[transport](unwrapping, octets)
    if transport == "apdu" and result[1] is not None:
        other = Unwrapping(memory, direction)
        second = READERS["axdr-data"](other, octets)
        if second[1] is None:
            return "axdr-data", other, second
    return transport, unwrapping, result


def message_of(
    octets: bytes,
    transport: str,
    unwrapping: Unwrapping,
    trees: Sequence[Tree],
    error: DissectionError | None,
    reveal: bool = False,
) -> Message:
    """The `Message` of what was unwrapped."""
    title = unwrapping.system_title
    facts: dict[str, Any] = {
        "transport": transport,
        "apdus": unwrapping.apdus,
        "security": unwrapping.security,
        "system_title": title.hex() if title else None,
        "data": unwrapping.leaves,
    }
    extras = {
        "signatures": unwrapping.signatures,
        "authentication": unwrapping.authentication,
        "tables": unwrapping.tables,
    }
    facts |= {name: value for name, value in extras.items() if value}
    message = DlmsMessage("dlms", octets, facts, items=unwrapping.rows, error=error)
    message.buffers = {"message": octets, **unwrapping.buffers}
    message.issues = [Issue.of(error)] if error is not None else []
    message.issues += unwrapping.issues
    message.trees, message.named, message.reveal = trees, unwrapping.named, reveal
    message.columns = _columns(message, unwrapping)
    return message


def _columns(message: Message, unwrapping: Unwrapping) -> dict[str, Any]:
    """Values for the `messages` table."""
    apdus = unwrapping.apdus
    carrier = _frame_type(message) if not apdus and message.facts["transport"] == "hdlc" else ""
    states = set(unwrapping.security)
    opened = states & {"ok", "unauthenticated"}
    shut = states & {"no_key", "bad_tag"}
    decrypted = "none"
    if states - {"none"}:
        decrypted = "some" if opened and shut else "all" if opened else shut.pop() if shut else "none"
    results = [row["result"] for row in message.items if row["result"]]
    outcome = None
    if results:
        outcome = "success" if all(result == "success" for result in results) else "failure"
    return {
        "kind": "dlms",
        "length": len(message.octets),
        "name": apdus[-1] if apdus else carrier or None,
        "originator": message.facts["system_title"],
        "originator_counter": unwrapping.counter,
        "payload_kind": f"dlms-{apdus[-1]}" if apdus else None,
        "signature": unwrapping.signatures[0] if unwrapping.signatures else None,
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
    for field in fields:
        for leaf in field.leaves():
            if leaf.meaning is None and leaf.name != "unread" and len(out) < MAX_NOTES:
                out.append(
                    Issue("note", "dlms", leaf.offset, f"{leaf.name} {leaf.value}: no name for it is known")
                )
    return out


def _name_values(fields: list[Field], named: list[tuple[str, list[Pair]]]) -> None:
    """Say at each value which object it belongs to: by its place, as pairs know their nodes."""
    labels: dict[tuple[str, int, int], str] = {}
    for buffer, pairs in named:
        for pair in pairs:
            label = _label(pair)
            if pair.node is not None and label:
                labels[buffer, pair.node[2], pair.node[3]] = label
    if not labels:
        return
    for field in fields:
        for found in field.walk():
            label = labels.pop((found.buffer, found.offset, found.end), "")
            if label:
                found.meaning = f"{label}: {found.meaning}"


def _label(pair: Pair) -> str:
    where = pair.target
    if where is not None:
        return " ".join(part for part in (where.object or where.text, where.member) if part)
    return object_name(pair.obis)[0] if pair.obis is not None else pair.label or ""


def _hide(fields: list[Field]) -> None:
    """Leave passwords out: the authentication value of an association that uses no challenge."""
    for field in fields:
        for found in field.walk():
            if found.name == "body" and any(c.name == "mechanism_name" for c in found.children):
                mechanism = next(c for c in found.children if c.name == "mechanism_name")
                if mechanism.children[-1].value == bytes.fromhex("60857405080201"):
                    _hide_value(found)


def _hide_value(body: Field) -> None:
    for child in body.children:
        if child.name == "calling_authentication_value":
            child.children[-1].value = None
            child.meaning = child.children[-1].meaning = f"{child.length - 2} octets, a password: not shown"


def dissect_vector(vector: Mapping[str, Any], reveal: bool = False) -> Message:
    """The message of one line of ``vectors.jsonl``: {"hex", "transport", "keys"} (see tests/vectors/dlms).

    `keys` may hold, in hex: ek, ak, dk, kek, title, iv, secret, priv_u, priv_v, pub_x, pub_y. A line whose
    hex cannot be read gives a message with an error, not an exception.
    """
    transport = str(vector.get("transport") or "auto")
    try:
        octets = bytes.fromhex("".join(str(vector.get("hex", "")).split()))
        keys = [vector_keys(vector.get("keys") or {})]
        if transport != "auto" and transport not in READERS:
            raise ValueError(f"unknown transport {transport!r}")
    except ValueError as error:
        message = Message("dlms", b"", {"transport": transport, "apdus": [], "security": []})
        message.facts |= {"system_title": None, "data": []}
        message.error = Malformed(str(error), layer="input", offset=0)
        return message
    return dissect_message(octets, transport=transport, keys=keys, reveal=reveal)


def vector_keys(keys: Mapping[str, Any]) -> DlmsKeys:
    """The keys of a vector's ``keys`` object; ValueError when one is not hex."""

    def octets(name: str) -> bytes | None:
        text = keys.get(name)
        return bytes.fromhex(str(text).removeprefix("0x")) if text else None

    def scalar(name: str) -> bytes | None:
        text = keys.get(name)
        return int(str(text), 16).to_bytes(48, "big") if text else None

    title = octets("title") or (octets("iv") or b"")[:8] or None
    own, peer = scalar("priv_v"), scalar("priv_u")
    signing = None
    if keys.get("pub_x") and keys.get("pub_y"):
        x, y = (int(str(keys[name]), 16) for name in ("pub_x", "pub_y"))
        size = 48 if max(x, y) >> 256 else 32
        signing = x.to_bytes(size, "big") + y.to_bytes(size, "big")
    encryption = octets("ek")
    suite = 2 if encryption and len(encryption) == 32 else 1
    return DlmsKeys(
        system_title=title,
        encryption_key=encryption,
        authentication_key=octets("ak"),
        dedicated_key=octets("dk"),
        master_key=octets("kek"),
        secret=octets("secret"),
        agreement_private=own,
        agreement_public=public_octets(peer, suite) if peer else None,
        signing_public=signing,
    )
