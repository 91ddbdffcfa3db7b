"""Commands that update credentials, join devices or set tariffs, whose parts do not fit each other."""

from __future__ import annotations

from typing import Any

from captures.simulated.remote.smki import AGREEMENT, SIGNATURE
from dissectors.gbcs import command_payload, response_payload
from dissectors.gbcs.building.templates import components
from dissectors.gbcs.payloads.building import gbz_payload
from dissectors.gbcs.sealing import MessageHeader
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.messages import SUPPLIER, Desk, message_plant
from tests.analysis.planted.parties import device
from tests.analysis.planted.recording import Recording
from tests.analysis.planted.talks import replaced, talk_in

UPDATE, HOLDINGS, RESTORE_LOG = 0x0102, 0x0008, 0x0003
JOIN_METER, DISPLAY = 0x000D, 5
BY_SUPPLIER, BY_CONTINGENCY, ANOTHER_METHOD = 2, 9, 2
OF_OPERATOR = {"role": 3, "key_usage": b"\x80"}
OF_SUPPLIER = {"role": 2, "key_usage": b"\x80"}
TARIFF, THRESHOLDS = 5, 6
"""Which components of GCS01a say how many blocks there are, and where they end."""


def send(
    recording: Recording, code: int, values: dict[Any, Any], to: bytes | None = None, party: str = SUPPLIER
) -> None:
    """Commands of a use case, whose payload holds these values."""
    desk = Desk(recording, party)
    for _ in range(recording.count(1)):
        counter = desk.counter()
        payload = command_payload(code, counter, values)
        desk.send(desk.command(code, counter=counter, recipient=to, payload=payload))


@message_plant("an update by contingency without its key", "contingency-key")
def without_key(recording: Recording) -> None:
    send(recording, UPDATE, {"mode": BY_CONTINGENCY, "authorising_cell": OF_SUPPLIER})


@message_plant("an update switches checks of time, but not off", "path-validation-switch")
def half_switched(recording: Recording) -> None:
    values = {"mode": BY_SUPPLIER, "authorising_cell": OF_SUPPLIER, "time_based_checks": 2}
    send(recording, UPDATE, values)


@message_plant("an update does not name who authorises it", "authorising-cell")
def without_cell(recording: Recording) -> None:
    send(recording, UPDATE, {"mode": BY_SUPPLIER})


@message_plant("another supplier's credentials come without a floor", "credential-floors")
def without_floor(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        desk.send(replaced(desk, floor=False))


@message_plant("a floor for top-ups comes with a network operator's credentials", "top-up-floor")
def odd_floor(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        usage = [{"usage": 1, "sequence_number_floor": desk.counter()}]
        desk.send(replaced(desk, cell=OF_OPERATOR, usage_floors=usage))


@talk_in("hour", "credentials that are all there")
def holdings(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    asked = desk.command("CS02a")
    desk.send(asked)
    cells = {"credentials_held": [{"role": 2, "status": 0}, {"role": 3, "status": 0}]}
    header = MessageHeader(2, desk.counter(), desk.target, desk.party, HOLDINGS)
    desk.answer(asked, payload=response_payload(HOLDINGS, header, desk.keystore, cells))


@message_plant("a device log is restored", "restored-network", least="info")
def restored(recording: Recording) -> None:
    desk, hub = Desk(recording), device(recording, "CHF")
    for use, scalar in ((SIGNATURE, 424_250), (AGREEMENT, 424_251)):
        desk.keystore.add_scalar(hub, use, scalar)
    for _ in range(recording.count(1)):
        desk.send(desk.command(RESTORE_LOG, recipient=hub))


@message_plant("a join command of another method than its code's", "join-method-code")
def another_method(recording: Recording) -> None:
    send(recording, JOIN_METER, {"join_method": ANOTHER_METHOD, "entity": device(recording, "CHF")})


@message_plant("a gas meter joins a display whose certificate it does not get", "join-peer-certificate")
def without_certificate(recording: Recording) -> None:
    values = {"entity": device(recording, "PPMID"), "device_type": DISPLAY}
    send(recording, JOIN_METER, values, device(recording, "GSME"))


@plant("a block tariff comes without its thresholds", "block-thresholds-needed", base="prepayment")
def without_thresholds(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    parts = components("GCS01a", "Command", {(TARIFF, "number_of_block_thresholds_in_use"): 2})
    for _ in range(recording.count(1)):
        payload = gbz_payload([one for number, one in enumerate(parts) if number != THRESHOLDS])
        desk.send(desk.command("GCS01a", recipient=device(recording, "GSME"), payload=payload))
