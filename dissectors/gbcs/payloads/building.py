"""Payloads from their values: access requests and responses, alerts, GBZ components, ASN.1 structures.

The twin of `dissectors.gbcs.payloads.payload`. Source: GBCS 4.x sections 7.2.8 to 7.2.10, 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dissectors.dlms.apdu.access import RESPONSE, SPECIFICATION
from dissectors.dlms.apdu.layouts import build_apdu
from dissectors.dlms.cosem.data import TYPE_NAMES, Data, build_data
from dissectors.dlms.cosem.obis import obis_text
from dissectors.gbcs.payloads.gbz import ENCRYPTED, FROM_DATE_TIME, LAST, Component, build_zcl
from dissectors.gbcs.trust.protection import MAC_LENGTH, SECURITY_HEADER, encrypt
from dissectors.layout.lengths import build_octets

__all__ = [
    "NULL",
    "Answer",
    "Ask",
    "ZclCommand",
    "access_request",
    "access_response",
    "gbz_alert",
    "gbz_payload",
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
        return SPECIFICATION.build(self.plain())

    def plain(self) -> dict[str, Any]:
        """The specification as `dissectors.dlms.apdu.layouts.build_apdu` takes it."""
        name, layout = SPECIFICATION.options[self.choice]
        obis = obis_text(self.obis) if isinstance(self.obis, bytes) else self.obis
        selection = {"selector": self.selector, "parameters": self.parameters}
        return {"choice": name, layout[0].name: (self.class_id, obis, self.number), "selection": selection}


@dataclass(frozen=True, slots=True)
class Answer:
    """One element of an access response; `result` 0 is success."""

    choice: int
    data: Typed | bytes = NULL
    result: int = 0


def _head(counter: int, invoke: int | None, date_time: bytes) -> dict[str, Any]:
    """Invoke id (of the originator counter unless it is given) and date-time of an access or notification APDU."""
    number = INVOKE_FLAGS << 24 | counter & 0xFFFFFF if invoke is None else invoke
    return {"long_invoke_id_and_priority": number, "date_time": date_time}


def access_request(
    asks: Sequence[Ask], counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """An access request; its invoke id is made from the originator `counter` unless `invoke` is given."""
    values = {"specifications": [ask.plain() for ask in asks], "values": [ask.data for ask in asks]}
    return build_apdu("access-request", _head(counter, invoke, date_time) | values)


def access_response(
    answers: Sequence[Answer], counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """An access response."""
    results = [{"choice": RESPONSE.options[a.choice][0], "result": a.result} for a in answers]
    values = {"specifications": None, "values": [a.data for a in answers], "responses": results}
    return build_apdu("access-response", _head(counter, invoke, date_time) | values)


def notification(
    body: Typed | bytes, counter: int, *, invoke: int | None = None, date_time: bytes = b""
) -> bytes:
    """A data-notification: a DLMS alert when `body` is the structure of alert code, time and extra items."""
    return build_apdu("data-notification", _head(counter, invoke, date_time) | {"data": body})


def sealed_answer(parameters: Typed | bytes, plain: bytes, key: bytes, originator: bytes) -> bytes:
    """Answer of get_protected_attributes: protection parameters and the encrypted `plain` (one Data)."""
    sealed = SECURITY_HEADER + encrypt(key, originator, plain)
    held = parameters if isinstance(parameters, bytes) else build_data(parameters)
    return b"\x02\x02" + held + b"\x09" + build_octets(sealed)


# --- GBZ


@dataclass(frozen=True, slots=True)
class ZclCommand:
    """One component of a GBZ payload.

    Attributes:
        values: of the command's fields by name; of a general command as `dissectors.gbcs.payloads.gbz.build_zcl` says.
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


def gbz_payload(
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
    control = (
        LAST * last | FROM_DATE_TIME * (command.from_date_time is not None) | ENCRYPTED * command.encrypted
    )
    out = Component(
        control=control, cluster=command.cluster, frame_control=command.frame_control, command=command.command,
        sequence=index if command.sequence is None else command.sequence,
    )  # fmt: skip
    if command.from_date_time is not None:
        out.from_date_time = command.from_date_time
    content = b""
    if command.encrypted:
        cipher = command.sealed
        if cipher is None:
            cipher = encrypt(key, originator, zcl_payload(command))
        out.additional_header_control = command.additional_control
        out.frame_counter = sealed if command.frame_counter is None else command.frame_counter
        out.ciphered_length = len(cipher) + len(command.security)
        out.security_control, out.invocation_counter = (
            command.security[0],
            int.from_bytes(command.security[1:], "big"),
        )
        out.ciphertext, out.tag = cipher[:-MAC_LENGTH], cipher[-MAC_LENGTH:]
    else:
        content = zcl_payload(command)
    out.length = len(bytes(out)) - 5 + len(content)
    octets = bytes(out) + content
    return octets if command.control is None else bytes((command.control,)) + octets[1:]


def gbz_alert(alert_code: int, time: int, tail: bytes = b"", *, count: int | None = None) -> bytes:
    """A GBZ alert: code, time (UTC seconds since 2000) and what follows; the count is 1 unless none does."""
    number = (1 if tail else 0) if count is None else count
    return b"\x01\x09" + bytes((number,)) + alert_code.to_bytes(2, "big") + time.to_bytes(4, "big") + tail
