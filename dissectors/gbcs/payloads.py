"""Payloads from their values: access requests and responses, alerts, GBZ components, ASN.1 structures.

The twin of `dissectors.gbcs.payload`. Source: GBCS 4.x sections 7.2.8 to 7.2.10, 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dissectors.dlms.data import TYPE_NAMES, Data, build_data
from dissectors.dlms.obis import build_obis
from dissectors.gbcs.gbz import build_zcl
from dissectors.gbcs.payload import ENCRYPTED, FROM_DATE_TIME, LAST, SECURITY_HEADER
from dissectors.gbcs.protection import encrypt
from dissectors.layout.lengths import build_length

__all__ = [
    "NULL",
    "Answer",
    "Ask",
    "ZclCommand",
    "access_request",
    "access_response",
    "gbz",
    "gbz_alert",
    "head",
    "notification",
    "sealed_answer",
    "zcl_payload",
]

Typed = tuple[str, Any] | Data
NULL: Typed = (TYPE_NAMES[0], None)
INVOKE_FLAGS = 0x20


@dataclass(frozen=True, slots=True)
class Ask:
    """One element of an access request; `choice`: 1 get, 2 set, 3 action, 4 get with selection."""

    choice: int
    class_id: int
    obis: str | bytes
    number: int
    data: Typed | bytes = NULL
    selector: int | None = None
    parameters: Typed | bytes | None = None

    def build(self) -> bytes:
        """The specification."""
        name = self.obis if isinstance(self.obis, bytes) else build_obis(self.obis)
        out = bytes((self.choice,)) + self.class_id.to_bytes(2, "big") + name + bytes((self.number,))
        if self.choice == 4 and self.selector is not None and self.parameters is not None:
            out += bytes((self.selector,)) + _data(self.parameters)
        return out


@dataclass(frozen=True, slots=True)
class Answer:
    """One element of an access response; `result` 0 is success."""

    choice: int
    data: Typed | bytes = NULL
    result: int = 0


def _data(value: Typed | bytes) -> bytes:
    return value if isinstance(value, bytes) else build_data(value)


def head(tag: int, counter: int, invoke: int | None, date_time: bytes) -> bytes:
    """Tag, long-invoke-id-and-priority and date-time of an access or notification APDU."""
    number = INVOKE_FLAGS << 24 | counter & 0xFFFFFF if invoke is None else invoke
    return bytes((tag,)) + number.to_bytes(4, "big") + bytes((len(date_time),)) + date_time


def access_request(
    asks: Sequence[Ask], counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """An access request; its invoke id is made from the originator `counter` unless `invoke` is given."""
    out = head(0xD9, counter, invoke, date_time) + build_length(len(asks))
    out += b"".join(ask.build() for ask in asks)
    return out + build_length(len(asks)) + b"".join(_data(ask.data) for ask in asks)


def access_response(
    answers: Sequence[Answer], counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """An access response."""
    out = head(0xDA, counter, invoke, date_time) + b"\x00"
    out += build_length(len(answers)) + b"".join(_data(answer.data) for answer in answers)
    return out + build_length(len(answers)) + b"".join(bytes((a.choice, a.result)) for a in answers)


def notification(
    body: Typed | bytes, counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """A data-notification: a DLMS alert when `body` is the structure of alert code, time and extra items."""
    return head(0x0F, counter, invoke, date_time) + _data(body)


def sealed_answer(parameters: Typed | bytes, plain: bytes, key: bytes, originator: bytes) -> bytes:
    """Answer of get_protected_attributes: protection parameters and the encrypted `plain` (one Data)."""
    sealed = SECURITY_HEADER + encrypt(key, originator, plain)
    return b"\x02\x02" + _data(parameters) + b"\x09" + build_length(len(sealed)) + sealed


# --- GBZ


@dataclass(frozen=True, slots=True)
class ZclCommand:
    """One component of a GBZ payload.

    Attributes:
        values: of the command's fields by name; of a general command as `dissectors.gbcs.gbz.build_zcl` says.
        content: the ZCL payload ready made, instead of `values`.
        sealed: ciphertext and tag ready made, when encrypted and no key is given.
        security: the security header in front of them.
    """

    cluster: int
    frame_control: int
    command: int
    values: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    from_date_time: int | None = None
    encrypted: bool = False
    sealed: bytes | None = None
    sequence: int | None = None
    frame_counter: int | None = None
    control: int | None = None
    additional_control: int = 0
    security: bytes = SECURITY_HEADER


def zcl_payload(command: ZclCommand) -> bytes:
    """The ZCL payload of a component.

    Raises:
        KeyError: a field that must be there has no value.
    """
    if command.content is not None:
        return command.content
    return build_zcl(command.cluster, command.frame_control, command.command, command.values)


def gbz(
    commands: Sequence[ZclCommand], *, key: bytes = b"", originator: bytes = b"", alert: bytes = b""
) -> bytes:
    """A GBZ payload; `key` and `originator` are needed when a component is to be encrypted."""
    out = b"\x01\x09" + bytes((len(commands),)) + alert
    sealed = 0
    for index, command in enumerate(commands):
        last = index == len(commands) - 1
        out += _component(command, index, sealed, last, key, originator)
        sealed += command.encrypted
    return out


def _component(
    command: ZclCommand, index: int, sealed: int, last: bool, key: bytes, originator: bytes
) -> bytes:
    control = LAST if last else 0
    body = b""
    if command.from_date_time is not None:
        control |= FROM_DATE_TIME
        body += command.from_date_time.to_bytes(4, "big")
    if command.encrypted:
        control |= ENCRYPTED
        counter = sealed if command.frame_counter is None else command.frame_counter
        body += bytes((command.additional_control, counter))
    sequence = index if command.sequence is None else command.sequence
    body += bytes((command.frame_control, sequence, command.command))
    if command.encrypted:
        cipher = command.sealed
        if cipher is None:
            cipher = encrypt(key, originator, zcl_payload(command))
        body += (len(cipher) + 5).to_bytes(2, "big") + command.security + cipher
    else:
        body += zcl_payload(command)
    control = control if command.control is None else command.control
    return bytes((control,)) + command.cluster.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def gbz_alert(alert_code: int, time: int, tail: bytes = b"", *, count: int | None = None) -> bytes:
    """A GBZ alert: code, time (UTC seconds since 2000) and what follows; the count is 1 unless none does."""
    number = (1 if tail else 0) if count is None else count
    return b"\x01\x09" + bytes((number,)) + alert_code.to_bytes(2, "big") + time.to_bytes(4, "big") + tail
