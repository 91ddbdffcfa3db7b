"""One DLMS message in, one `Message` out: the carrier found, all APDUs opened, values named.

`dissect_message` never raises on any octets; input that is refused has `Message.error` and keeps what could
be read before (and, for wrong check sequences, after) the place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dissectors.dlms.apdu.layouts import is_whole_apdu
from dissectors.dlms.association import Association
from dissectors.dlms.carriers.hdlc import HdlcFrame, next_frame, read_frames
from dissectors.dlms.carriers.mbus import Telegram, next_telegram, read_telegrams
from dissectors.dlms.carriers.p1 import is_telegram
from dissectors.dlms.cosem.data import leaves, read_node
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder
from dissectors.dlms.decoding.message_view import DlmsMessage
from dissectors.dlms.decoding.transports import KNOWN_TAGS, LLC_DIRECTIONS, READERS, Result
from dissectors.dlms.items.profile_gbcs import profile_violations
from dissectors.dlms.security.agreement import public_octets
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.keyring import DlmsKeys
from dissectors.model.message import Message

__all__ = [
    "dissect_message",
    "dissect_vector",
    "find_transport",
    "is_whole",
    "recognise",
    "unwrap",
    "vector_keys",
]


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
        reveal: keep passwords and keys in fields and items; without, words stand in their place.
        profile: ``"gbcs"`` to have departures from what GBCS permits among the issues.

    Raises:
        ValueError: `transport` is not a name that is known.
    """
    memory = association or Association.with_keys(keys)
    name, decoder, (fields, error) = unwrap(octets, transport, memory, direction)
    if association is None:
        decoder.unfinished()
    if profile == "gbcs":
        decoder.issues += profile_violations(decoder.read)
    return DlmsMessage(octets, name, decoder, fields, error, reveal)


def unwrap(
    octets: bytes, transport: str, memory: Association, direction: str = ""
) -> tuple[str, ApduDecoder, Result]:
    """(transport as found, what was unwrapped, fields and error) of one message.

    Raises:
        ValueError: `transport` is not a name that is known.
    """
    if transport == "auto":
        return _guess(octets, memory, direction)
    if transport not in READERS:
        raise ValueError(f"unknown transport {transport!r}; one of {', '.join(READERS)}")
    decoder = ApduDecoder(memory, direction)
    return transport, decoder, READERS[transport](decoder, octets)


def _guess(octets: bytes, memory: Association, direction: str) -> tuple[str, ApduDecoder, Result]:
    """The carrier by its first octets; octets that are no APDU may be Data, text of a customer port, or begin in the
    middle of a frame."""
    transport = find_transport(octets)
    decoder = ApduDecoder(memory, direction)
    result = READERS[transport](decoder, octets)
    if transport in ("apdu", "wrapper", "wrapper-stream") and result[1] is not None:
        other = recognise(octets)
        second = ApduDecoder(memory, direction)
        if other not in ("", "apdu", transport):
            return other, second, READERS[other](second, octets)
        data = READERS["axdr-data"](second, octets)
        if transport == "apdu" and data[1] is None:
            return "axdr-data", second, data
    return transport, decoder, result


def recognise(octets: bytes) -> str:
    """The carrier that octets are proved to have, also when they begin in the middle; ``""`` when nothing proves any.

    An APDU is proved by a tag that exists, a wrapper by the APDU behind it, Data by reading on past its count; HDLC
    and M-Bus that begin in the middle by the first frame whose check holds.
    """
    transport = find_transport(octets)
    wrapped = transport in ("wrapper", "wrapper-stream")
    if not octets or (wrapped and octets[8:9] and octets[8] in KNOWN_TAGS):
        return transport if octets else ""
    if transport != "apdu" and not wrapped:
        return transport
    if is_telegram(octets):
        return "p1"
    if octets[0] in KNOWN_TAGS and is_whole_apdu(octets):
        return "apdu"
    if octets[0] in (1, 2, 19) and _is_data(octets):
        return "axdr-data"
    if next_frame(octets, 0, len(octets)) is not None:
        return "hdlc"
    if next_telegram(octets, 0, len(octets)) is not None:
        return "mbus"
    return "apdu" if octets[0] in KNOWN_TAGS else ""


def is_whole(octets: bytes) -> bool:
    """Whether octets are one message from end to end: frames that are sound, a wrapped PDU, or an APDU."""
    transport = find_transport(octets)
    if transport == "hdlc":
        return all(
            isinstance(found, HdlcFrame) and found.frame_ok for found in read_frames(octets, 0, len(octets))
        )
    if transport == "mbus":
        found = list(read_telegrams(octets, 0, len(octets)))
        return all(isinstance(one, Telegram) and one.checksum_ok for one in found)
    if transport == "wrapper":
        return len(octets) > 8 and octets[8] in KNOWN_TAGS
    return transport == "apdu" and octets[:1] != b"" and octets[0] in KNOWN_TAGS and is_whole_apdu(octets)


def _is_data(octets: bytes) -> bool:
    """Data to the end, or cut off after two elements or more."""
    try:
        return read_node(octets, 0, len(octets))[1] == len(octets)
    except DissectionError as error:
        node, stop = error.kept().partial or (None, 0)
        cut = isinstance(error, Truncated) or stop == len(octets)
        return cut and node is not None and sum(1 for _ in leaves(node)) >= 2


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
