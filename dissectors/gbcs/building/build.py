"""Messages from their fields, signed, MACed and encrypted; and any parsed message again from its values.

>>> from dissectors.gbcs import Keystore, dissect_message
>>> store = Keystore(bytes(8))
>>> for entity in (bytes(8), bytes(7) + b"\\1"):
...     store.add_scalar(entity, "keyAgreement", 1 + entity[7])
>>> octets = command("ECS52", originator=bytes(8), recipient=bytes(7) + b"\\1", counter=7, keystore=store)
>>> dissect_message(octets, store).facts["mac"]
'valid'

Source: GBCS 4.x sections 4.3, 6 (categories: what is signed, what has a MAC), 7.2, 8.
"""

from __future__ import annotations

from dissectors.gbcs.building.editing import reseal
from dissectors.gbcs.building.rebuilding import header_of, rebuild
from dissectors.gbcs.building.templates import command_payload, response_payload
from dissectors.gbcs.catalogue.names import UseCase, signature_demanded, use_case, use_case_by_name
from dissectors.gbcs.gbt import build_blocks
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.sealing import MessageHeader, authenticated, content_key, grouping, sign, signed
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.tunnel import build_tunnel_header
from dissectors.model.errors import KeyMissing, Unsupported

__all__ = [
    "MessageHeader",
    "alert",
    "build",
    "build_blocks",
    "build_tunnel_header",
    "command",
    "content_key",
    "is_signed",
    "pre_command",
    "protect",
    "response",
    "unprotected",
]

LAYER = "gbcs.build"
_HAN_ONLY = "SME.C.PPMID-GSME"


def _row(name: str | int) -> UseCase:
    row = use_case(name) if isinstance(name, int) else use_case_by_name(name)
    if row is None:
        raise Unsupported(f"no use case {name} in the tables", layer=LAYER)
    return row


def is_signed(name: str | int, cra: int = 1) -> bool:
    """Are messages of a use case (name or message code) signed: as observed, else by its category."""
    return bool(signature_demanded(_row(name).message_code, cra))


def command(
    name: str | int,
    *,
    originator: bytes,
    recipient: bytes,
    counter: int,
    keystore: Keystore,
    payload: bytes | None = None,
    broker: bytes | None = None,
    signed_by_originator: bool | None = None,
    mac: bool = True,
    supplementary_party: bytes | None = None,
    supplementary_counter: int | None = None,
    certificate: bytes = b"",
) -> bytes:
    """A command as the device gets it: signed when its use case is critical, with the broker's MAC.

    Args:
        name: use case (``ECS17b``) or message code.
        payload: ready octets (see `dissectors.gbcs.payloads.building`); the use case's template when None.
        broker: Access Control Broker whose key makes the MAC; the keystore's when None.
        signed_by_originator: overrides what the use case says. `mac` False leaves the MAC header out.

    Raises:
        KeyMissing: a key that is needed is not held. Unsupported: no such use case, or no template for it.
    """
    row = _row(name)
    header = MessageHeader(
        1, counter, originator, recipient, row.message_code, b"", supplementary_party,
        supplementary_counter, None, certificate,
    )  # fmt: skip
    body = grouping(header, payload if payload is not None else command_payload(row.message_code, counter))
    wanted = is_signed(row.message_code) if signed_by_originator is None else signed_by_originator
    message = signed(body, sign(keystore, originator, body) if wanted else b"")
    if not mac:
        return message
    other = originator if row.category == _HAN_ONLY else broker or _broker(keystore)
    return authenticated(message, header, _secret(keystore, other, recipient))


def pre_command(
    name: str | int,
    *,
    originator: bytes,
    recipient: bytes,
    counter: int,
    payload: bytes | None = None,
    signature_octet: bool = False,
) -> bytes:
    """A command before it is signed: no MAC, no signature, and (as DCC sends it) no signature octet."""
    row = _row(name)
    header = MessageHeader(1, counter, originator, recipient, row.message_code)
    body = grouping(header, payload if payload is not None else command_payload(row.message_code, counter))
    return signed(body, b"" if signature_octet else None)


def response(
    asked: GbcsMessage | None = None,
    *,
    keystore: Keystore,
    payload: bytes | None = None,
    name: str | int | None = None,
    originator: bytes | None = None,
    recipient: bytes | None = None,
    counter: int | None = None,
    date_time: bytes = b"",
    supplementary_party: bytes | None = None,
    supplementary_counter: int | None = None,
    supplementary_originator_counter: int | None = None,
    signed_by_originator: bool | None = None,
) -> bytes:
    """A device's response to the command `asked`, or by its fields: signed when critical, else with a MAC.

    Fields that are given go before those of the command (parties swapped, same counter, same use case,
    supplementary values repeated). `payload` None takes the use case's template.

    Raises:
        KeyMissing, Unsupported: as `command`. ValueError: neither a command nor the fields that it lacks.
    """
    if asked is not None:
        layout = asked.layout
        name = layout.message_code if name is None else name
        originator = originator or layout.recipient
        recipient = recipient or layout.originator
        counter = layout.counter if counter is None else counter
        supplementary_party = supplementary_party or layout.supplementary_party
        if supplementary_counter is None:
            supplementary_counter = layout.supplementary_counter
    if name is None or originator is None or recipient is None or counter is None:
        raise ValueError("a response needs its command, or name, originator, recipient and counter")
    code = _row(name).message_code
    supplementary = (supplementary_party, supplementary_counter, supplementary_originator_counter)
    header = MessageHeader(2, counter, originator, recipient, code, date_time, *supplementary)
    if payload is None:
        payload = response_payload(code, header, keystore)
    return _from_device(header, payload, keystore, signed_by_originator)


def alert(
    name: str | int,
    *,
    originator: bytes,
    recipient: bytes,
    counter: int,
    payload: bytes,
    keystore: Keystore,
    supplementary_party: bytes | None = None,
    supplementary_counter: int | None = None,
    signed_by_originator: bool | None = None,
) -> bytes:
    """A device's alert: signed when critical, else with a MAC between device and recipient.

    `name` is the use case or message code (0x1000 generic critical, 0x1001 generic non-critical, 0x00CC
    future-dated outcome ...); `payload` from `payloads.notification`, `payloads.gbz_alert` or `der.build`.

    Raises:
        KeyMissing, Unsupported: as `command`.
    """
    row = _row(name)
    header = MessageHeader(
        3, counter, originator, recipient, row.message_code, b"", supplementary_party, supplementary_counter
    )
    return _from_device(header, payload, keystore, signed_by_originator)


def _from_device(header: MessageHeader, payload: bytes, keystore: Keystore, wanted: bool | None) -> bytes:
    body = grouping(header, payload)
    if wanted is None:
        wanted = is_signed(header.message_code, header.cra)
    if wanted:
        return signed(body, sign(keystore, header.originator, body))
    secret = _secret(keystore, header.originator, header.recipient)
    return authenticated(signed(body, b""), header, secret)


def _broker(keystore: Keystore) -> bytes:
    brokers = keystore.brokers()
    if not brokers:
        raise KeyMissing("no Access Control Broker is known", layer=LAYER)
    return brokers[0]


def _secret(keystore: Keystore, one: bytes, other: bytes) -> bytes:
    secrets = keystore.secrets(one, other)
    if not secrets:
        raise KeyMissing(f"no key agreement of {one.hex()} and {other.hex()} is held", layer=LAYER)
    return secrets[0]


def unprotected(header: MessageHeader, payload: bytes) -> bytes:
    """A message without signature and MAC, of which `protect` makes one that has them."""
    return signed(grouping(header, payload), b"")


def protect(
    message: GbcsMessage,
    keystore: Keystore,
    *,
    header: MessageHeader | None = None,
    signature: bool | None = None,
    mac: bool | None = None,
) -> bytes:
    """The octets of a parsed message with a new header, signature and MAC; encrypted parts are sealed for the header.

    Args:
        header: another one than the message has.
        signature, mac: whether it gets one; as it had by default.

    Raises:
        KeyMissing: a key that is needed is not held.
    """
    layout, head = message.layout, header or header_of(message.layout)
    payload = reseal(message, head, keystore)
    wanted = bool(layout.signature_length) if signature is None else signature
    body = grouping(head, payload)
    left_out = layout.signature is None and not wanted
    inner = signed(body, sign(keystore, head.originator, body) if wanted else None if left_out else b"")
    lead = message.lead
    if not (layout.mac is not None if mac is None else mac):
        return lead + inner
    row = use_case(head.message_code)
    by_broker = head.cra == 1 and (row is None or row.category != _HAN_ONLY)
    maker = _broker(keystore) if by_broker else head.originator
    return lead + authenticated(inner, head, _secret(keystore, maker, head.recipient))


def build(message: GbcsMessage, keystore: Keystore | None = None) -> bytes:
    """The octets of a parsed message again, from its values; see `dissectors.gbcs.building.rebuilding.rebuild`."""
    return rebuild(message, keystore)
