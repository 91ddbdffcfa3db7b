"""GBCS commands to whom they are not for, by whom they are not from, and on objects that are not to be touched."""

from __future__ import annotations

from dissectors.gbcs import command_payload
from tests.analysis.planted.messages import SUPPLIER, Desk, message_plant
from tests.analysis.planted.recording import Recording

EMERGENCY_CREDIT, PAYMENT_MODE = "PCS02", 0x001A
ACTIVE, PASSIVE = bytes.fromhex("0000130000ff"), bytes.fromhex("0001130000ff")
"""OBIS codes of the two accounts, 0-0:19.0.0.255 and 0-1:19.0.0.255."""


def device(recording: Recording, role: str) -> bytes:
    return recording[role].eui64.to_bytes(8, "big")


@message_plant("a supplier activates emergency credit in the display's place", "ppmid-message-parties")
def credit_by_supplier(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        desk.send(desk.command(EMERGENCY_CREDIT, recipient=device(recording, "GSME")))


@message_plant("the active account is written", "account-twins", "active-object-written")
def active_account(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        payload = command_payload(PAYMENT_MODE, desk.counter())
        desk.send(desk.command(PAYMENT_MODE, payload=payload.replace(PASSIVE, ACTIVE)))
