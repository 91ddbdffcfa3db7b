"""One value of a DLMS message set anew: the octets of the message with it.

Strategy: the tree says where the octets of each value stand. The new value is encoded as the old one was and put in their
place; lengths around it, check sequences of the carrier and, of a protected APDU, cipher text and tag follow. Then the
message is read again: a value that changes more than itself is refused.

Source: IEC 62056-5-3 (Green Book: APDUs, protection), IEC 62056-46 (HDLC), 62056-47 (wrapper), EN 13757-2 (wired M-Bus).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dissectors.crypto.crc import crc16_x25
from dissectors.dlms.apdu.general import Ciphered
from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.encoding import (
    data_octets,
    data_type,
    number_of,
    octets_like,
    plain_octets,
    truth_of,
)
from dissectors.dlms.decoding.message_view import DlmsMessage
from dissectors.dlms.message import dissect_message
from dissectors.dlms.security.opening import seal_again
from dissectors.layout.editing import Setting, settings_of, with_lengths
from dissectors.model.errors import KeyMissing, Malformed
from dissectors.model.field import Field
from dissectors.model.keyring import DlmsKeys

__all__ = ["item_places", "set_value", "settings"]

LAYER = "build"
FIXED = frozenset(
    {
        *("tag", "type", "choice", "length", "version", "flags", "format", "header_check_sequence", "llc"),
        *("frame_check_sequence", "start_and_length", "checksum", "stop", "security_control", "unread"),
        *("invocation_counter", "encrypted_payload", "authentication_tag", "signature", "count", "presence"),
    }
)
"""What follows from the values, or protects them."""


def settings(message: DlmsMessage) -> list[Setting]:
    """The values that can be set, in the order of the octets; those of opened parts where these were opened."""
    named = {
        place: str(message.items[number]["object"])
        for number, node in enumerate(item_places(message))
        if node is not None and message.items[number]["object"]
        for place in [(node[0], node[1][2])]
    }
    top = Field("", children=message.fields)
    return settings_of([top], FIXED, named)


def item_places(message: DlmsMessage) -> list[tuple[str, Node] | None]:
    """Where the value of each item lies: its buffer and node."""
    return [
        None if pair.node is None else (buffer, pair.node)
        for buffer, pairs in message.decoder.named
        for pair in pairs
    ]


def set_value(message: DlmsMessage, leaf: Field, value: Any, keys: Sequence[DlmsKeys] = ()) -> bytes:
    """The octets of `message` with another value in one of its leaves.

    Args:
        leaf: of the message's tree.
        value: a number, a text, octets or their hex digits, as the leaf's own value is.
        keys: to read the message, and to seal an encrypted part again.

    Raises:
        Malformed: the value does not fit, or changes more than itself. KeyMissing: the part is sealed, and its key is not
            held.
    """
    if leaf.value is None:
        raise Malformed(f"{leaf.name} has no value to set", layer=LAYER, offset=leaf.offset)
    octets = _within(message, leaf, _encoded(leaf, message.buffers[leaf.buffer], value), keys)
    again = dissect_message(octets, transport=message.facts["transport"], keys=keys, reveal=True)
    assert isinstance(again, DlmsMessage)
    before, after = settings(message), settings(again)
    place = next(at for at, one in enumerate(before) if one.leaf is leaf)
    known = [issue.text for issue in message.issues]
    wrong = [one.text for one in again.issues if one.severity == "error" and one.text not in known]
    wrong += ["its protection fits no more"] if again.facts["security"] != message.facts["security"] else []
    if wrong or _said(before, place) != _said(after, place) or after[place].leaf.value != _like(leaf, value):
        text = f"{leaf.name} cannot be {value!r}: " + (wrong or ["something else would be changed, too"])[0]
        raise Malformed(text, layer=LAYER, offset=leaf.offset)
    return octets


def _said(found: Sequence[Setting], place: int) -> list[tuple[str, Any]]:
    """What all values say but the one at a place, of which only the name counts."""
    return [(one.path, None if at == place else one.leaf.value) for at, one in enumerate(found)]


def _like(leaf: Field, value: Any) -> Any:
    """A value as a leaf holds it."""
    if isinstance(leaf.value, bool):
        return truth_of(value)
    if isinstance(leaf.value, float):
        return value
    if isinstance(leaf.value, int):
        return number_of(value)
    return octets_like(leaf.value, value) if isinstance(leaf.value, bytes) else value


def _encoded(leaf: Field, octets: bytes, value: Any) -> bytes:
    held = octets[leaf.offset : leaf.end]
    try:
        kind = data_type(held, leaf)
        if kind is None:
            return plain_octets(leaf, held, value, little=False)
        return data_octets(kind, held, value)
    except (OverflowError, ValueError, TypeError) as error:
        text = f"{leaf.name} cannot be {value!r}: {error}"
        raise Malformed(text, layer=LAYER, offset=leaf.offset) from error


def _within(message: DlmsMessage, leaf: Field, new: bytes, keys: Sequence[DlmsKeys]) -> bytes:
    """The message with other octets in the place of a leaf of whichever buffer."""
    buffer, octets = leaf.buffer, message.buffers[leaf.buffer]
    readable = next((one for one in _protected(message, buffer) if one.holds(leaf)), None)
    if readable is not None:  # authenticated only: its plain text stands in the APDU
        top = _root(message, leaf, readable.start, readable.end)
        changed = with_lengths(octets, top, leaf, new, axdr=True)
        plain = changed[readable.start : readable.end + len(changed) - len(octets)]
        return _sealed_again(message, readable, octets[readable.start : readable.end], plain, keys)
    top = _root(message, leaf, 0, len(octets))
    changed = with_lengths(octets, top, leaf, new, axdr=True)
    if buffer == "message":
        return _carried(changed, top, len(changed) - len(octets))
    parents = message.parents[buffer]
    opened = [one for part in parents for one in _protected(message, part.buffer) if one.start == part.offset]
    if len(parents) != 1 or not opened:
        text = f"{leaf.name} lies in a part that is carried in pieces: it cannot be changed"
        raise Malformed(text, layer=LAYER, offset=leaf.offset)
    return _sealed_again(message, opened[0], octets, changed, keys)


class Protected(NamedTuple):
    """A protected APDU that was read: where in which buffer its payload lies."""

    apdu: Apdu
    buffer: str
    start: int
    end: int

    @property
    def ciphered(self) -> Ciphered:
        """What its security header says."""
        part = self.apdu.part("protected")
        assert part is not None
        found: Ciphered = part[1]
        return found

    def holds(self, leaf: Field) -> bool:
        """Whether a leaf lies readable in it."""
        return not self.ciphered.control & 0x20 and self.start <= leaf.offset and leaf.end <= self.end


def _protected(message: DlmsMessage, buffer: str) -> Iterator[Protected]:
    """The protected APDUs of a buffer, the innermost first."""
    for apdu in reversed(message.decoder.read):
        part = apdu.part("protected")
        if part is not None and apdu.data is message.buffers[buffer]:
            end = part[3] - len(part[1].tag)
            yield Protected(apdu, buffer, end - len(part[1].payload), end)


def _sealed_again(
    message: DlmsMessage, one: Protected, held: bytes, plain: bytes, keys: Sequence[DlmsKeys]
) -> bytes:
    """The message with other plain text in a protected APDU."""
    titles = message.decoder.association.titles_for(message.decoder.direction)
    sealed = seal_again(one.apdu, keys, titles, held, plain)
    if sealed is None:
        raise KeyMissing("the key of a protected part is not held", layer=LAYER, offset=one.start)
    size = one.end + len(one.ciphered.tag) - one.start
    return _within(message, Field("sealed", None, "", one.start, size, one.buffer), b"".join(sealed), keys)


def _root(message: DlmsMessage, leaf: Field, start: int, end: int) -> Field:
    """The outermost branch between two places of the leaf's buffer that it lies in."""
    for top in message.fields:
        for one in top.walk():
            inside = (
                one.offset <= leaf.offset and leaf.end <= one.end and start <= one.offset and one.end <= end
            )
            if inside and one.buffer == leaf.buffer:
                return one
    raise Malformed(f"{leaf.name} stands nowhere in the message", layer=LAYER, offset=leaf.offset)


# --- carriers


def _carried(octets: bytes, top: Field, grown: int) -> bytes:
    """The octets with the lengths and check sequences of the frame that was changed, if they are in one."""
    out, end = bytearray(octets), top.end + grown
    children = {child.name: child for child in top.children}
    if top.name == "hdlc":
        word = int.from_bytes(out[top.offset : top.offset + 2], "big")
        if (word & 0x7FF) + grown > 0x7FF:
            raise Malformed("the value is too long for its frame", layer=LAYER, offset=top.offset)
        out[top.offset : top.offset + 2] = (word + grown).to_bytes(2, "big")
        check = children.get("header_check_sequence")
        if check is not None:
            out[check.offset : check.end] = crc16_x25(bytes(out[top.offset : check.offset])).to_bytes(
                2, "little"
            )
        out[end - 2 : end] = crc16_x25(bytes(out[top.offset : end - 2])).to_bytes(2, "little")
    elif top.name == "mbus":
        length = out[top.offset + 1] + grown
        if length > 255:
            raise Malformed("the value is too long for its telegram", layer=LAYER, offset=top.offset)
        out[top.offset + 1 : top.offset + 3] = bytes((length, length))
        out[end - 2] = sum(out[top.offset + 4 : end - 2]) & 0xFF
    return bytes(out)
