"""What simulated devices answer to GBCS commands: checks as a device makes them, then a real response.

A device takes a command when its MAC, and its signature where it has one, are right and its originator counter
has grown (GBCS 4.3.1, 6.2). It then answers with the values that it has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from captures.simulated.devices.metering import ElectricityMeter
from captures.simulated.remote.directory import Directory, Entity, PartyRole, role_of
from captures.simulated.remote.smki import AGREEMENT, SIGNATURE
from captures.simulated.stack.network import Role
from dissectors.gbcs import (
    JOIN_METHODS,
    GbcsMessage,
    MessageHeader,
    build,
    build_der,
    command_payload,
    default_value,
    objects_of,
    protected_of,
    response_payload,
    structure,
    use_cases,
    utrn,
)

__all__ = ["answer", "command_values"]

UPDATE_DEVICE_CERTIFICATE, TOP_UP_ESME, TOP_UP_GSME = 0x000B, 0x0007, 0x0097
TOKEN_PENCE = 1500
GBZ_VALUES: dict[int, dict[tuple[int, int], int]] = {0x007B: {(1, 0x0B13): 1, (1, 0x0B12): 1}}
"""What a gas meter's answers hold besides zeroes: GCS21a, divisor and multiplier of the flow threshold."""


def command_values(
    dcc: Directory, code: int, originator: Entity, recipient: Entity, counter: int
) -> bytes | None:
    """The payload of a command with sensible values; None for the template as it is.

    Raises:
        DissectionError: the tables have no template.
    """
    if code in (TOP_UP_ESME, TOP_UP_GSME):
        token = utrn.generate(
            originator.octets, recipient.octets, counter, TOKEN_PENCE, dcc.keystore
        ).encode()
        if code == TOP_UP_ESME:
            return command_payload(code, counter, {(115, "0-0:19.40.0.255", 1): ("octet-string", token)})
        return command_payload(code, counter, {(0, "top_up_code"): token})
    if code == UPDATE_DEVICE_CERTIFICATE:
        return dcc.smki.certificate(recipient.octets, AGREEMENT, generation=1)
    if use_cases()[code].use_case in ("CS02b", "CS02g") and structure(code, 1) is not None:
        return build_der(structure(code, 1), _replacement(dcc, originator, counter))  # type: ignore[arg-type]
    values = _der_values(dcc, code, counter) if structure(code, 1) is not None else None
    if use_cases()[code].payload_kind == "DLMS":
        values = FIXED
    return command_payload(code, counter, values)


FIXED: dict[Any, Any] = {
    (9000, "0-0:94.44.128.13", 4): ("double-long", 604_800), (111, "0-0:19.0.0.255", 19): ("double-long", 604_800),
}  # fmt: skip
"""Values that GBCS fixes: the period of the debt recovery cap is a week (SMETS 5.7.4.13)."""

JOINS = {0x000D: Role.PPMID, 0x00AB: Role.ESME, 0x000E: Role.CHF, 0x00AF: Role.GSME}
"""The other device of a join, by message code (GBCS 13.7.4.5)."""
DEVICE_TYPES = {Role.GSME: 0, Role.ESME: 1, Role.CHF: 3, Role.PPMID: 5}  # the gas proxy answers for its hub


def _der_values(dcc: Directory, code: int, counter: int) -> Mapping[Any, Any]:
    """Names of ASN.1 elements that want more than a zero."""
    role = JOINS.get(code, Role.PPMID)
    other = dcc.han.having(role)
    entity = (other.eui64 if other is not None else 1).to_bytes(8, "big")
    values: dict[Any, Any] = {
        "originator_counter": counter,
        "entity": entity,
        "join_method": JOIN_METHODS.get(code, 0),
        "device_type": DEVICE_TYPES[role],
        "key_usage": b"\x80",
        "manufacturer_image_hash": dcc.han.image_hash,
    }
    if code in JOINS and {role, role_of(code)} == {Role.GSME, Role.PPMID}:
        values["certificate"] = dcc.smki.certificate(entity, AGREEMENT)
    return values


def _replacement(dcc: Directory, originator: Entity, counter: int) -> dict[str, Any]:
    """A party replaces its own certificates: new ones of both uses, and the authority that issued them."""
    role = originator.role
    assert isinstance(role, PartyRole)
    replacements = [
        {
            "certificate": dcc.smki.certificate(originator.octets, use, generation=1),
            "target_cell": {"role": int(role), "key_usage": usage},
        }
        for use, usage in ((SIGNATURE, b"\x80"), (AGREEMENT, b"\x08"))
    ]
    # A broker that replaces itself needs nobody to authorise it (GBCS 13.3).
    cell = (
        {}
        if role == PartyRole.ACCESS_CONTROL_BROKER
        else {"authorising_cell": {"role": int(role), "key_usage": b"\x80"}}
    )
    return {
        "control": {"mode": MODES[role], **cell, "authorising_sequence_number": counter},
        "replacements": replacements,
        "certification_path": [dcc.smki.root()],
    }


MODES = {
    PartyRole.SUPPLIER: 2, PartyRole.NETWORK_OPERATOR: 3, PartyRole.ACCESS_CONTROL_BROKER: 4, PartyRole.WAN_PROVIDER: 5,
    PartyRole.TRANSITIONAL_COS: 6, PartyRole.RECOVERY: 8, PartyRole.LOAD_CONTROLLER: 10,
}  # fmt: skip
"""The mode of CS02b with which a party of a role replaces its own certificates."""


def answer(
    dcc: Directory,
    device: Entity,
    command: GbcsMessage,
    change: Callable[[bytes], bytes] = lambda payload: payload,
) -> tuple[bytes | None, str]:
    """The response of `device`, or None and why it refuses; `change` is what a fault does to its payload."""
    facts, layout = command.facts, command.layout
    row = use_cases().get(layout.message_code or -1)
    if row is None:
        return None, "the device does not know the message code"
    if facts["mac"] == "invalid" or facts["signature"] == "invalid" or command.error is not None:
        return None, "the device refused it: authentication failed"
    if row.replay_protection != "No" and not _fresh(dcc, device, layout.originator, layout.counter):
        return None, "the device refused it: its counter is not new"
    code = row.message_code
    header = MessageHeader(2, layout.counter, device.octets, layout.originator, code)
    values = _values(dcc, device, code) if row.payload_kind == "DLMS" else GBZ_VALUES.get(code)
    payload = response_payload(code, header, dcc.keystore, values)
    return build.response(command, keystore=dcc.keystore, payload=change(payload)), ""


def _fresh(dcc: Directory, device: Entity, originator: bytes, counter: int) -> bool:
    """Has the counter grown? The device remembers it."""
    if counter <= dcc.accepted.get((device.eui64, originator), -1):
        return False
    dcc.accepted[device.eui64, originator] = counter
    return True


# --- values


def _values(dcc: Directory, device: Entity, code: int) -> Mapping[Any, Any]:
    """What the device has: registers from its meter, other numbers from a stream of its own."""
    stream = dcc.han.stream(f"values {device.name} {code:04x} {dcc.han.env.now}")
    values: dict[Any, Any] = {}
    targets = [*objects_of(code), *protected_of(code)]
    for target in targets:
        if not target.method:
            value = default_value(code, target)
            if target.class_id == PROFILE and target.number == 2 and value[0] == "array":
                value = ("array", value[1] * _ROWS.get(code, 3))
            values[target.class_id, target.obis, target.number] = lively(value, stream)
    meter = device.node.find(ElectricityMeter) if device.node is not None else None
    values |= {key: value for key, value in FIXED.items() if key in values}
    if code in _REGISTERS and meter is not None:
        values |= _registers(meter.energy())
    return values


_LIMITS = {
    "double-long-unsigned": 2_000_000, "long-unsigned": 1_000, "unsigned": 100, "double-long": 10_000,
    "long64-unsigned": 2_000_000, "long": 500,
}  # fmt: skip
"""Numbers that look like something, by type; scalers, units and codes (integer, enum) stay as they are."""


def lively(value: Any, stream: random.Random) -> Any:
    """A typed value with its zeroes replaced by numbers."""
    if not isinstance(value, tuple):
        return value
    kind, inner = value
    if kind in ("structure", "array"):
        return kind, [lively(item, stream) for item in inner]
    if kind in _LIMITS and inner == 0:
        return kind, stream.randrange(1, _LIMITS[kind])
    return value


PROFILE = 7
_ROWS = {0x0034: 31, 0x0036: 96, 0x0060: 31}
"""Rows of the longer logs: days of a month, half hours of two days."""

_REGISTERS = (0x0027,)


def _registers(watt_hours: int) -> dict[Any, Any]:
    """ECS17b: active and reactive import with their scalers and units (Wh, varh)."""
    units = [("structure", [("integer", 0), ("enum", unit)]) for unit in (30, 32)]
    import_, reactive = ("double-long-unsigned", watt_hours), ("double-long-unsigned", watt_hours // 9)
    data = ("structure", [import_, units[0], reactive, units[1]])
    return {(1, "0-0:94.44.34.10", 2): data}
