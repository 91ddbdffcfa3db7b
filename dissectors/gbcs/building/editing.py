"""One value of a parsed message set anew: the octets of the message with it, all lengths right.

Strategy: the tree of a message says where the octets of each value stand and what they are; the new value is encoded as
the old one was, put in its place, and the lengths of what lies around it follow. A value of an encrypted part is set in
the plain octets, which are sealed again under the same key. Signature and MAC stay as they were: `protect` makes them
anew, when all values are set.

Source: GBCS 4.x sections 4.3 (protections), 7.2 (structure), 8 (encrypted parts).
"""

from __future__ import annotations

from typing import Any

from dissectors.gbcs.asn1.encoding import encoded
from dissectors.gbcs.building.rebuilding import header_of, payload_octets, with_payload
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.sealing import MessageHeader, content_key, content_keys
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.trust.protection import decrypt, encrypt
from dissectors.layout.editing import Setting, settings_of, with_lengths
from dissectors.model.errors import KeyMissing
from dissectors.model.field import Field

__all__ = ["Setting", "reseal", "set_value", "settings"]

LAYER = "gbcs.build"
STRUCTURE = frozenset(
    {"tag", "type", "header", "length", "ciphered_length", "type_and_length", "type_and_count"}
)
STRUCTURE |= {"type_description", "profile_id", "control", "unused_bits"}
"""What follows from the values: tags, counts and lengths."""


def settings(message: GbcsMessage) -> list[Setting]:
    """The values of the payload, in the order of the octets; those of encrypted parts that are open behind the others."""
    named = {row.place[:2]: str(row["object"]) for row in message.items if row.place is not None}
    tops = [f for f in message.fields if f.name == "payload" or f.buffer != "message"]
    return settings_of(tops, STRUCTURE, named)


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
    plain = with_lengths(octets, top, leaf, new)
    number = int(leaf.buffer.rpartition("-")[2])
    return _sealed_again(message, number, plain, _key_of(message, number, keystore))


def _spliced(message: GbcsMessage, leaf: Field, new: bytes) -> bytes:
    top = next(f for f in message.fields if f.name == "payload")
    lead, (start, end) = len(message.lead), message.layout.payload or (0, 0)
    changed = with_lengths(message.octets, top, leaf, new)
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


def _is_little(message: GbcsMessage, leaf: Field) -> bool:
    """Numbers of the ZCL are little-endian, all others big-endian."""
    payload = message.payload
    if payload is None or payload.kind != "gbz":
        return False
    at = leaf.offset - len(message.lead)
    inside = any(one.content[0] <= at < one.content[1] for one in payload.components if not one.encrypted)
    return leaf.buffer != "message" or inside
