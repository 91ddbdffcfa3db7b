"""GBCS messages whose payload holds what GBCS takes away from DLMS and ZigBee, or says what no use case allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from captures.simulated.remote.smki import AGREEMENT, SIGNATURE
from dissectors.gbcs import command_payload
from dissectors.gbcs.building.templates import components
from dissectors.gbcs.payloads.building import (
    Answer,
    Ask,
    ZclCommand,
    access_request,
    access_response,
    gbz_payload,
)
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.credentials import send
from tests.analysis.planted.messages import READ_VERSION, SUPPLIER, Desk, message_plant
from tests.analysis.planted.parties import device
from tests.analysis.planted.recording import Recording
from tests.analysis.planted.speech import say

SECURITY_SETUP, READ, SET = (64, "0-0:43.0.0.255", 2), 1, 2
TUNNELING, METERING = 0x0704, 0x0702
DAY = ("double-long", 86_400)
CAP_PERIOD = (9000, "0-0:94.44.128.13", 4)
NOT_THERE, ASKED = 4, "GCS21a"


def addressing(desk: Desk) -> bytes:
    """A command that asks the meter for its security setup."""
    counter = desk.counter()
    payload = access_request([Ask(READ, *SECURITY_SETUP)], counter)
    return desk.command(READ_VERSION, counter=counter, payload=payload)


@message_plant("a command addresses the security setup", "fixed-classes")
def security_setup(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(addressing(desk))


@message_plant("a meter carries out a command on its security setup", "image-transfer-over-dlms")
def security_setup_given(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        counter = desk.counter()
        asked = addressing(desk)
        desk.send(asked, planted=False)
        desk.answer(asked, payload=access_response([Answer(READ, ("enum", 1))], counter))


@message_plant("a DLMS command for the gas meter", "dlms-to-non-dlms-device")
def dlms_to_gas(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command(READ_VERSION, recipient=device(recording, "GSME")))


@message_plant("a meter gives a command", "dlms-roles-reversed")
def meter_commands(recording: Recording) -> None:
    desk, hub = Desk(recording), device(recording, "CHF")
    for use, scalar in ((SIGNATURE, 424_250), (AGREEMENT, 424_251)):
        desk.keystore.add_scalar(hub, use, scalar)
    desk.party = desk.target
    for _ in range(recording.count(1)):
        desk.send(desk.command(READ_VERSION, recipient=hub), back=True)


@message_plant("a payload of another message is sent", "dlms-invoke-id")
def other_payload(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        counter = desk.counter() + 5
        desk.send(desk.command(READ_VERSION, counter=counter, payload=command_payload(0x0059, counter - 5)))


@message_plant("the active value of extended data is written", "class-9000-parts")
def active_value(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        counter = desk.counter()
        payload = access_request([Ask(SET, 9000, "0-0:94.44.2.20", 2, ("double-long", 100))], counter)
        desk.send(desk.command("ECS08a", counter=counter, payload=payload))


@message_plant("a hub does not take a device into its log", "register-device-result")
def not_registered(recording: Recording) -> None:
    desk, hub = Desk(recording), device(recording, "CHF")
    for use, scalar in ((SIGNATURE, 424_250), (AGREEMENT, 424_251)):
        desk.keystore.add_scalar(hub, use, scalar)
    for _ in range(recording.count(1)):
        counter = desk.counter()
        asked = desk.command("CCS01", recipient=hub, counter=counter)
        desk.send(asked, planted=False)
        answers = [Answer(3, result=NOT_THERE), Answer(3, result=NOT_THERE)]
        desk.answer(asked, payload=access_response(answers, counter))


@message_plant("debt is capped for a day and not for a week", "debt-cap-period")
def daily_cap(recording: Recording) -> None:
    send(recording, 0x00DE, {CAP_PERIOD: DAY})


@plant("a top-up under a counter that no token has", "utrn-counter-low-half", base="hour", least="info")
def odd_counter(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        desk.send(desk.command("CS01a"))


def _asked_by(recording: Recording, changed: Callable[[ZclCommand], ZclCommand]) -> None:
    """The gas meter is asked by components that are not as the template has them."""
    desk = Desk(recording, SUPPLIER)
    for _ in range(recording.count(1)):
        payload = gbz_payload([changed(one) for one in components(ASKED, "Command", {})])
        desk.send(desk.command(ASKED, recipient=device(recording, "GSME"), payload=payload))


@message_plant("commands in a message are numbered from seven", "gbz-sequence-number", least="info")
def numbered(recording: Recording) -> None:
    _asked_by(recording, lambda one: replace(one, sequence=7))


@message_plant("a message holds a maker's own command", "gbz-manufacturer-specific")
def own_command(recording: Recording) -> None:
    _asked_by(recording, lambda one: replace(one, frame_control=0x05, content=bytes(3)))


@message_plant("a message has a frame control of its own", "gbz-frame-control")
def own_frame_control(recording: Recording) -> None:
    _asked_by(recording, lambda one: replace(one, frame_control=one.frame_control | 0x20))


@message_plant("a tunnel is asked for inside a tunnel", "gbz-components")
def tunnel_inside(recording: Recording) -> None:
    asked = ZclCommand(TUNNELING, 0x01, 0x01, content=b"\x01\x00")
    _asked_by(recording, lambda _: asked)


@plant("a meter speaks a maker's command to the hub", "manufacturer-specific-command", least="info")
def maker(recording: Recording) -> None:
    meter, hub, at = recording["ESME"], recording["CHF"], recording.moment()
    for _ in range(recording.count(1)):
        say(recording, meter, hub, at, METERING, b"\x05\x34\x12\x01\x40\x00")
        at = recording.quiet(at + 9_000_000_000)
