"""Protected and split APDUs: the ciphered forms, general-ciphering, general-signing, general-block-transfer.

Source: IEC 62056-5-3 (Green Book), clauses on general protection and general block transfer; GBCS section 6
for the form that it uses (empty header strings, no key-info).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dissectors.layout.axdr import LAYER, AxdrPart, Choice, Flagged, Number, OctetString
from dissectors.layout.lengths import build_octets, read_length, read_octets
from dissectors.model.errors import Truncated
from dissectors.model.field import Field

__all__ = ["GENERAL", "Ciphered", "SecurityControl", "ciphered_tags", "read_ciphered"]

TAG_LENGTH = 12


class SecurityControl(NamedTuple):
    """Bits of the security control octet (Green Book, security header)."""

    suite: int
    authenticated: bool
    encrypted: bool
    broadcast: bool
    compressed: bool

    @classmethod
    def of(cls, octet: int) -> SecurityControl:
        """The bits of `octet`."""
        return cls(octet & 15, bool(octet & 16), bool(octet & 32), bool(octet & 64), bool(octet & 128))

    @property
    def text(self) -> str:
        """The bits in words."""
        words = [f"suite {self.suite}"]
        flags = ("authenticated", "encrypted", "broadcast", "compressed")
        return ", ".join(words + [name for name in flags if getattr(self, name)])


class Ciphered(NamedTuple):
    """The protected part: security control, invocation counter, payload, authentication tag (or empty)."""

    control: int
    counter: int
    payload: bytes
    tag: bytes


def read_ciphered(data: bytes, start: int, stop: int) -> Ciphered:
    """The protected part that fills the octets from `start` to `stop`; Truncated when they are too few."""
    control = data[start] if stop > start else 0
    rest = stop - TAG_LENGTH if control & 16 else stop
    if start + 5 > rest:
        raise Truncated(5 + stop - rest, stop - start, layer="dlms.security", offset=start)
    counter = int.from_bytes(data[start + 1 : start + 5], "big")
    return Ciphered(control, counter, data[start + 5 : rest], data[rest:stop])


class Protected(AxdrPart):
    """An octet string: SC (1), invocation counter (4), payload, tag (12) when the SC says authenticated."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[Ciphered, int]:
        length, start = read_length(data, pos, end, LAYER)
        stop = start + length
        if stop > end:
            raise Truncated(length, end - start, layer=LAYER, offset=start)
        return read_ciphered(data, start, stop), stop

    def build(self, value: Any) -> bytes:
        control, counter, payload, tag = value
        return build_octets(bytes((control,)) + counter.to_bytes(4, "big") + payload + tag)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        control = SecurityControl.of(value.control)
        out = Field(self.name, None, control.text, start, end - start, buffer)
        tag_at = end - len(value.tag)
        body = tag_at - len(value.payload) - 5
        payload = "encrypted_payload" if control.encrypted else "payload"
        out.children = [
            Field("length", end - body, "", start, body - start, buffer),
            Field("security_control", value.control, control.text, body, 1, buffer),
            Field("invocation_counter", value.counter, "", body + 1, 4, buffer),
            Field(payload, value.payload, "see the opened part", body + 5, len(value.payload), buffer),
        ]
        if value.tag:
            out.children += [Field("authentication_tag", value.tag, "", tag_at, TAG_LENGTH, buffer)]
        return out


class Signature(OctetString):
    """The signature as octet string; a GBCS pre-command ends before it (then None)."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        return (None, pos) if pos == end else read_octets(data, pos, end, LAYER)

    def build(self, value: Any) -> bytes:
        return b"" if value is None else build_octets(value)

    def meaning(self, value: Any) -> str:
        return "not there (pre-command)" if value is None else f"{len(value)} octets, r and s"


def block_control_words(value: int) -> str:
    """bit 7 last block, bit 6 streaming, bits 5-0 window."""
    words = ["last block"] * bool(value & 128) + ["streaming"] * bool(value & 64)
    return ", ".join([*words, f"window {value & 63}"])


KEY_IDS = {0: "global unicast encryption key", 1: "global broadcast encryption key"}
KEY_INFO = Choice(
    "key_info",
    {
        0: ("identified-key", (Number("key_id", names=KEY_IDS),)),
        1: ("wrapped-key", (Number("kek_id", names={0: "master key"}), OctetString("key_ciphered_data"))),
        2: ("agreed-key", (OctetString("key_parameters"), OctetString("key_ciphered_data"))),
    },
)
PROTECTED = Protected("protected")
SYSTEM_TITLE = OctetString("system_title", "system title of the sender")
HEADER: tuple[AxdrPart, ...] = tuple(
    OctetString(name)
    for name in (
        "transaction_id",
        "originator_system_title",
        "recipient_system_title",
        "date_time",
        "other_information",
    )
)
GENERAL: dict[int, tuple[AxdrPart, ...]] = {
    0xDB: (SYSTEM_TITLE, PROTECTED),
    0xDC: (SYSTEM_TITLE, PROTECTED),
    0xDD: (*HEADER, Flagged(KEY_INFO), PROTECTED),
    0xDF: (*HEADER, OctetString("content", "the signed APDU"), Signature("signature")),
    0xE0: (
        Number("block_control", names=block_control_words),
        Number("block_number", 2),
        Number("block_number_ack", 2),
        OctetString("block_data", "part of the whole, see the reassembled APDU"),
    ),
}

_PLAIN = (1, 5, 6, 8, 12, 13, 14, 22, 24)
_PLAIN_LN = (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC7)


def ciphered_tags() -> dict[int, tuple[int, bool]]:
    """Tag of a glo- or ded- APDU: (tag of the plain one, whether it is the dedicated form).

    Global is plain + 20 hex (short names) or + 8 (logical names); dedicated is global + 20 or + 8 hex.
    """
    out: dict[int, tuple[int, bool]] = {}
    for plain, step, further in [(t, 0x20, 0x20) for t in _PLAIN] + [(t, 8, 8) for t in _PLAIN_LN]:
        out[plain + step] = (plain, False)
        out[plain + step + further] = (plain, True)
    return out


GENERAL |= dict.fromkeys(ciphered_tags(), (PROTECTED,))
