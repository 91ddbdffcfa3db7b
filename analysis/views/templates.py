"""A message of a use case with default values: what is changed when somebody builds one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dissectors import Keyring
from dissectors.gbcs import (
    Keystore,
    MessageHeader,
    UseCase,
    build,
    command_payload,
    gbz_alert,
    mac_demanded,
    notification,
    response_payload,
    signature_demanded,
    structure,
)
from dissectors.model import Malformed

__all__ = ["Wanted", "template"]

LAYER = "build"
COMMAND, RESPONSE = 1, 2
EPOCH = 946_684_800  # of ZigBee: 2000-01-01 UTC


@dataclass(slots=True)
class Wanted:
    """What is wanted of a message.

    Attributes:
        signature, mac: whether it gets one; as its use case demands for None.
        alert_code: of an alert whose payload is not given.
        payload: its octets; the template of the use case for None.
        values: of the payload, by name.
    """

    header: MessageHeader
    row: UseCase
    signature: bool | None = None
    mac: bool | None = None
    alert_code: int | None = None
    payload: bytes | None = None
    values: dict[str, Any] = field(default_factory=dict)


def template(wanted: Wanted, keyring: Keyring) -> bytes:
    """The message without signature and MAC, with the default values of its use case. What it will be protected with
    is decided here, where nobody said it.

    Raises:
        Unsupported: there is no template. KeyMissing: values must be encrypted, and no key is held.
    """
    header, code = wanted.header, wanted.header.message_code
    if wanted.signature is None:
        wanted.signature = bool(signature_demanded(code, header.cra))
    if wanted.mac is None:
        demanded = mac_demanded(code, header.cra)
        wanted.mac = (header.cra == COMMAND or not wanted.signature) if demanded is None else demanded
    payload = _payload(wanted, keyring) if wanted.payload is None else wanted.payload
    return build.unprotected(header, payload)


def _payload(wanted: Wanted, keyring: Keyring) -> bytes:
    header, code = wanted.header, wanted.header.message_code
    if header.cra == COMMAND:
        return command_payload(code, header.counter, _needed(wanted, keyring))
    if header.cra == RESPONSE:
        store = keyring.gbcs if keyring.gbcs is not None else Keystore()
        return response_payload(code, header, store)
    if wanted.alert_code is None:
        raise Malformed("which alert? alert_code=8F3E, or payload=HEX", layer=LAYER)
    if wanted.row.payload_kind == "GBZ":
        return gbz_alert(wanted.alert_code, int(time.time()) - EPOCH)
    body = [("long-unsigned", wanted.alert_code), ("octet-string", _now())]
    return notification(("structure", body), header.counter)


def _needed(wanted: Wanted, keyring: Keyring) -> dict[str, Any]:
    """What a template cannot have by itself: the certificate that is to be replaced or joined with."""
    if structure(wanted.header.message_code, COMMAND) is None:
        return {}
    said = wanted.values.pop("certificate", None)
    if said is not None:
        return {"certificate": bytes.fromhex(str(said))}
    certificates: list[Any] = keyring.gbcs.certificates if keyring.gbcs is not None else []
    own = next((one.der for one in certificates if one.entity == wanted.header.recipient), None)
    return {} if own is None else {"certificate": own}


def _now() -> bytes:
    """The time as a DLMS date-time in UTC."""
    now = datetime.now(UTC)
    date = now.year.to_bytes(2, "big") + bytes((now.month, now.day, 0xFF, now.hour, now.minute, now.second))
    return date + bytes.fromhex("008000ff")
