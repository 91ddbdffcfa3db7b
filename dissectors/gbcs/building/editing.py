"""One value of a parsed message set anew: the octets of the message with it, all lengths right.

Strategy: the tree of a message says where the octets of each value stand and what they are; the new value is encoded as
the old one was, put in its place, and the lengths of what lies around it follow. A value of an encrypted part is set in
the plain octets, which are sealed again under the same key. Signature and MAC stay as they were: `protect` makes them
anew, when all values are set.

Source: GBCS 4.x sections 4.3 (protections), 7.2 (structure), 8 (encrypted parts).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dissectors.gbcs.asn1.encoding import encoded
from dissectors.gbcs.building.rebuilding import header_of, payload_octets, with_payload
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.sealing import MessageHeader, content_key, content_keys
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.trust.protection import decrypt, encrypt
from dissectors.layout.lengths import build_length
from dissectors.model.errors import KeyMissing, Malformed
from dissectors.model.field import Field

__all__ = ["Setting", "reseal", "set_value", "settings"]

LAYER = "gbcs.build"
STRUCTURE = frozenset(
    {"tag", "type", "header", "length", "ciphered_length", "type_and_length", "type_and_count"}
)
STRUCTURE |= {"type_description", "profile_id", "control", "unused_bits"}
"""What follows from the values: tags, counts and lengths."""
LENGTHS = ("length", "ciphered_length", "type_and_length", "header")


class Setting(NamedTuple):
    """A value that can be set.

    Attributes:
        path: the names that lead to it in the tree of the payload.
        item: its name among the items; empty where it is none.
        leaf: its field.
    """

    path: str
    item: str
    leaf: Field


def settings(message: GbcsMessage) -> list[Setting]:
    """The values of the payload, in the order of the octets; those of encrypted parts that are open behind the others."""
    named = {row.place[:2]: str(row["object"]) for row in message.items if row.place is not None}
    tops = [f for f in message.fields if f.name == "payload" or f.buffer != "message"]
    found = [(path, leaf) for top in tops for path, leaf in _leaves(top, "")]
    return [Setting(path, named.get((leaf.buffer, leaf.offset), ""), leaf) for path, leaf in found]


def _leaves(field: Field, path: str) -> Iterator[tuple[str, Field]]:
    for child in field.children:
        where = f"{path}.{child.name}" if path else child.name
        if child.children:
            yield from _leaves(child, where)
        elif child.name not in STRUCTURE and not child.name.endswith(("_length", "_count")):
            yield where, child


def set_value(message: GbcsMessage, leaf: Field, value: Any, keystore: Keystore | None = None) -> bytes:
    """The octets of `message` with another value in one of its leaves; signature and MAC are those of before.

    Args:
        leaf: of the message's tree.
        value: a number, a text, octets or their hex digits, as the leaf's own value is.
        keystore: to seal an encrypted part again.

    Raises:
        Malformed: the value does not fit. KeyMissing: the part is encrypted, and its key is not held.
    """
    octets = message.octets if leaf.buffer == "message" else message.buffers[leaf.buffer]
    kind = message.payload.kind if message.payload is not None else ""
    new = encoded(leaf, octets, value, kind, little=_is_little(message, leaf))
    if leaf.buffer == "message":
        return _spliced(message, leaf, new)
    top = next(f for f in message.fields if f.buffer == leaf.buffer)
    plain = _with_lengths(octets, top, leaf, new)
    number = int(leaf.buffer.rpartition("-")[2])
    return _sealed_again(message, number, plain, _key_of(message, number, keystore))


def _spliced(message: GbcsMessage, leaf: Field, new: bytes) -> bytes:
    top = next(f for f in message.fields if f.name == "payload")
    lead, (start, end) = len(message.lead), message.layout.payload or (0, 0)
    changed = _with_lengths(message.octets, top, leaf, new)
    grown = len(changed) - len(message.octets)
    return with_payload(message, header_of(message.layout), changed[lead + start : lead + end + grown])


# --- encrypted parts


def _key_of(message: GbcsMessage, number: int, keystore: Keystore | None) -> bytes:
    """The key that opened an encrypted part."""
    header, (start, end) = header_of(message.layout), message.payload.sealed[number]  # type: ignore[union-attr]
    for key in content_keys(keystore, header) if keystore is not None else ():
        if decrypt(key, header.originator, message.layout.octets[start:end]) is not None:
            return key
    raise KeyMissing("the key of an encrypted part is not held", layer=LAYER, offset=start)


def _sealed_again(message: GbcsMessage, number: int, plain: bytes, key: bytes) -> bytes:
    start, end = message.payload.sealed[number]  # type: ignore[union-attr]
    sealed = encrypt(key, message.layout.originator, plain)
    at = start + len(message.lead)
    shut = Field("sealed", None, "", at, end - start, "message")
    return _spliced(message, shut, sealed)


def reseal(message: GbcsMessage, header: MessageHeader, keystore: Keystore | None) -> bytes:
    """The payload with its encrypted parts sealed for another header.

    Raises:
        KeyMissing: a part is shut, or a key for the other header is not held.
    """
    payload = payload_octets(message)
    if message.payload is None or not message.payload.sealed or header == header_of(message.layout):
        return payload
    start = message.payload.start
    for (begin, end), plain in zip(message.payload.sealed, message.opened.plain, strict=True):
        if plain is None or keystore is None:
            text = "an encrypted part cannot be opened, so it cannot be sealed for other parties"
            raise KeyMissing(text, layer=LAYER, offset=begin)
        sealed = encrypt(content_key(keystore, header), header.originator, plain)
        payload = payload[: begin - start] + sealed + payload[end - start :]
    return payload


# --- octets of a value, and the lengths around it


def _with_lengths(octets: bytes, top: Field, leaf: Field, new: bytes) -> bytes:
    """`octets` with other ones in the place of `leaf`, and with the lengths of what lies around it."""
    grown = len(new) - leaf.length
    changes = {leaf.offset: (leaf.end, new)}
    for around in reversed(_way(top, leaf)) if grown else ():
        for child in around.children:
            if child.name in LENGTHS and not child.children and child.offset < leaf.offset:
                told = _longer(octets[child.offset : child.end], child, grown)
                changes[child.offset] = child.end, told
                grown += len(told) - child.length
    out, at = b"", 0
    for begin, (end, replacement) in sorted(changes.items()):
        out += octets[at:begin] + replacement
        at = end
    return out + octets[at:]


def _way(field: Field, leaf: Field) -> list[Field]:
    """The branches around a leaf, the outermost first."""
    for child in field.children:
        inside = child.offset <= leaf.offset and leaf.end <= child.end and child.buffer == leaf.buffer
        if inside and child is not leaf and child.children:
            return [field, *_way(child, leaf)]
    return [field]


def _longer(held: bytes, field: Field, grown: int) -> bytes:
    """The octets of a length that has grown."""
    if field.name in ("header", "type_and_length"):
        return held[:1] + build_length(_length_in(held[1:]) + grown)
    if (
        field.name == "length"
        and len(held) > 1
        and held[0] & 0x80
        and field.value != int.from_bytes(held, "big")
    ):
        return build_length(int(field.value) + grown)
    order = "big" if int.from_bytes(held, "big") == field.value else "little"
    try:
        return (int(field.value) + grown).to_bytes(len(held), order)  # type: ignore[arg-type]
    except OverflowError as error:
        raise Malformed("the value is too long", layer=LAYER, offset=field.offset) from error


def _length_in(octets: bytes) -> int:
    return octets[0] if octets[0] < 0x80 else int.from_bytes(octets[1:], "big")


def _is_little(message: GbcsMessage, leaf: Field) -> bool:
    """Numbers of the ZCL are little-endian, all others big-endian."""
    payload = message.payload
    if payload is None or payload.kind != "gbz":
        return False
    at = leaf.offset - len(message.lead)
    inside = any(one.content[0] <= at < one.content[1] for one in payload.components if not one.encrypted)
    return leaf.buffer != "message" or inside
