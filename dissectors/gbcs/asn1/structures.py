"""Every ASN.1 payload of GBCS as a shape, by message code and direction.

Source: GBCS 4.x sections 11 (firmware), 13 (security credentials, CS02a to CS02g) and the use cases CS03 to
CS09, CCS08, GCS28, GCS59, GCS62; layouts checked on RTDS 4.5.0.
"""

from __future__ import annotations

from collections.abc import Callable

from dissectors.gbcs.asn1.der import Shape, bits, choice, integer, null, octets, sequence, sequence_of, time
from dissectors.gbcs.asn1.x509 import CERTIFICATE, CERTIFICATION_REQUEST, key_usage_names
from dissectors.gbcs.catalogue.names import alert_name, asn1_meaning, coded, eui64, role_name

__all__ = ["STRUCTURES", "structure"]


def _of(type_: str) -> Callable[[int], str | None]:
    return lambda value: asn1_meaning(type_, value)


def _entity(value: bytes) -> str:
    return eui64(value) if len(value) == 8 else value.hex()


def _role(value: int) -> str:
    return f"{role_name(value)}"


def _mode(value: int) -> str | None:
    return coded("credentials_replacement_modes").get(value)


def _cell_usage(value: int) -> str | None:
    return coded("cell_usage").get(value)


def _hash(value: bytes) -> str:
    return f"hash {value.hex()}"


def _version(value: bytes) -> str:
    return f"firmware version {value.hex()}"


def _alert(value: int) -> str | None:
    return alert_name(value & 0xFFFF)


def _key_id(value: bytes) -> str:
    return f"key identifier {value.hex()}"


ROLE = integer("role", _role)
CELL = (ROLE, bits("key_usage", key_usage_names), integer("cell_usage", _cell_usage).maybe())
STATUS = integer("status", _of("StatusCode ENUMERATED"), 0x0A)
USAGE_FLOOR = sequence(
    "usage_floor", integer("usage", _of("SeqNumberUsage")), integer("sequence_number_floor")
)
SEQUENCE_CHANGE = sequence(
    "sequence_change",
    ROLE,
    integer("sequence_number_floor"),
    sequence_of("usage_floors", USAGE_FLOOR).maybe(),
)
OUTCOME = sequence(
    "execution_outcome",
    integer("authorising_sequence_number"),
    integer("mode", _mode),
    sequence_of("sequence_changes", SEQUENCE_CHANGE),
    sequence_of(
        "replacement_outcomes",
        sequence(
            "replacement_outcome",
            sequence("cell", *CELL),
            STATUS,
            octets("existing_subject", _entity),
            octets("existing_key_identifier", _key_id),
            octets("replacing_subject", _entity),
            octets("replacing_key_identifier", _key_id),
        ),
    ),
)
CONTROL = sequence(
    "control",
    integer("mode", _mode),
    octets("symmetric_key", lambda v: f"raw key of {len(v)} octets", 0x80).maybe(),
    integer("time_based_checks", _of("ApplyTimeBasedCPVChecks"), 0x81).maybe(),
    sequence("authorising_cell", *CELL, tag=0xA2).maybe(),
    integer("authorising_sequence_number", tag=0x83),
    integer("new_sequence_number_floor", tag=0x84).maybe(),
    sequence_of("usage_floors", USAGE_FLOOR, 0xA5).maybe(),
    sequence_of("sequence_changes", SEQUENCE_CHANGE, 0xA6).maybe(),
)
UPDATE = sequence(
    "update_security_credentials",
    CONTROL,
    sequence_of("replacements", sequence("replacement", CERTIFICATE, sequence("target_cell", *CELL))),
    sequence_of("certification_path", CERTIFICATE),
    time("execution_time").maybe(),
)
UPDATED = sequence("update_response", null("received", "command accepted"), OUTCOME.maybe())
CREDENTIALS = sequence(
    "provide_security_credentials", sequence("authorising_cell", *CELL), sequence_of("roles", ROLE)
)
CREDENTIALS_HELD = sequence_of(
    "credentials_held",
    sequence(
        "party",
        ROLE,
        STATUS,
        integer("sequence_number").maybe(),
        sequence_of(
            "cells",
            sequence(
                "cell",
                *CELL[1:],
                octets("subject", _entity),
                octets("key_identifier", _key_id),
            ),
        ).maybe(),
    ),
)
DEVICE = sequence("device", octets("entity", _entity), integer("device_type", _of("DeviceType")))
ALERT = (integer("alert_code", _alert), time("time"))


def _alert_of(name: str, *parts: Shape) -> Shape:
    return sequence(name, *ALERT, *parts)


def _result(type_: str) -> Shape:
    return integer("result", _of(type_))


def _update(code: int) -> dict[tuple[int, int], Shape]:
    return {(code, 1): UPDATE, (code, 2): UPDATED}


_USAGE = sequence("request", bits("key_usage", key_usage_names))
_JOIN = sequence(
    "join_device",
    integer("join_method", _of("JoinMethodAndRole")),
    octets("entity", _entity),
    integer("device_type", _of("DeviceType")),
    CERTIFICATE.maybe(),
)
JOIN_METHODS: dict[int, int] = {0x000D: 0, 0x00AB: 1, 0x000E: 2, 0x00AF: 3}
"""Join method and role by message code: A initiator, A responder, B, C (GBCS 13.7.4.5.3). A command with another one
is refused as invalidMessageCodeForJoinMethodAndRole."""

_ACTIVATED = sequence(
    "activation_result", _result("ActivateFirmwareResponse"), octets("firmware_version", _version)
)

STRUCTURES: dict[tuple[int, int], Shape] = {
    (0x0008, 1): CREDENTIALS,
    (0x0008, 2): CREDENTIALS_HELD,
    (0x011B, 1): CREDENTIALS,
    (0x011B, 2): CREDENTIALS_HELD,
    (0x00CB, 3): _alert_of("update_credentials_alert", OUTCOME),
    (0x0124, 3): _alert_of("update_credentials_alert", OUTCOME),
    (0x000A, 1): _USAGE,
    (0x000A, 2): choice("answer", CERTIFICATION_REQUEST, _result("IssueSecurityCredentialsResponse")),
    (0x000B, 1): CERTIFICATE,
    (0x000B, 2): _result("UpdateDeviceCertificateResponse"),
    (0x000C, 1): _USAGE,
    (0x000C, 2): choice("answer", CERTIFICATE, _result("ProvideDeviceCertificateResponse")),
    (0x000F, 1): octets("entity", _entity),
    (0x000F, 2): _result("UnjoinDeviceResponse"),
    (0x0010, 1): octets("entity", _entity),
    (0x0010, 2): _result("UnjoinDeviceResponse"),
    (0x0012, 1): sequence(
        "activate_firmware",
        octets("manufacturer_image_hash", _hash),
        integer("originator_counter"),
        time("execution_time").maybe(),
    ),
    (0x0012, 2): choice("answer", null("received", "future dated: accepted"), _ACTIVATED),
    (0x00CA, 3): _alert_of("activation_alert", integer("originator_counter"), _ACTIVATED),
    (0x0013, 1): null("request", "read device join details"),
    (0x0013, 2): sequence(
        "join_details",
        _result("ReadDeviceJoinDetailsResponse"),
        sequence_of("devices", DEVICE).maybe(),
    ),
    (0x0128, 3): _alert_of(
        "firmware_transfer_alert",
        octets("entity", _entity),
        octets("firmware_version", _version),
        _result("FirmwareTransferAlert"),
    ),
    (0x0129, 1): null("request", "read firmware version"),
    (0x0129, 2): sequence(
        "firmware_version", octets("firmware_version", _version), _result("ReadFirmwareVersion")
    ),
    (0x012B, 3): _alert_of(
        "firmware_activation_alert",
        octets("firmware_version", _version),
        _result("FirmwareActivationAlert"),
    ),
    (0x007F, 1): sequence("set_clock", time("valid_from"), time("valid_to")),
    (0x007F, 2): sequence("clock", time("device_time"), integer("time_status", _of("DeviceTimeStatus"))),
    (0x008C, 1): sequence("restore_device_log", sequence_of("devices", DEVICE)),
    (0x008C, 2): sequence(
        "restore_outcome",
        sequence_of(
            "device_outcomes",
            sequence("device_outcome", DEVICE, _result("JoinDeviceResponse")),
        ),
    ),
    (0x00B2, 3): _alert_of("device_log", sequence_of("devices", DEVICE)),
}
for _code in (*range(0x0100, 0x010A), 0x0125, 0x0126):
    STRUCTURES.update(_update(_code))
for _code in (0x000D, 0x00AB, 0x000E, 0x00AF):
    STRUCTURES[(_code, 1)] = _JOIN
    STRUCTURES[(_code, 2)] = _result("JoinDeviceResponse")

_ANY = Shape("payload", -1, "any")


def structure(message_code: int | None, cra: int) -> Shape | None:
    """The shape of an ASN.1 payload; None when the tables have none for this code."""
    return STRUCTURES.get((message_code, cra)) if message_code is not None else None


def any_structure() -> Shape:
    """A shape that takes whatever comes."""
    return _ANY
