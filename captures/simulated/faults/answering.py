"""Devices that do not answer, or late."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Wait
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import joining
from captures.simulated.stack.clusters import BASIC, PREPAYMENT, PRICE
from captures.simulated.stack.network import Role

__all__: list[str] = []

READ, READ_ANSWER, CURRENT_PRICE = 0x00, 0x01, 0x00
CREDIT, VERSION, UINT8 = 0x0001, 0x0000, 0x20  # CreditRemaining, ZCLVersion


@fault(
    "reads-unanswered",
    "A display asks the electricity meter for credit and price, and is not answered",
    kind=FaultKind.FAULT,
    needs=(Role.ESME, Role.PPMID),
)
def reads_unanswered(play: Play) -> Wait:
    display, meter = play.display_and_meter()
    for number in range(play.count(6)):
        ask = struct.pack("<H", CREDIT)
        yield from display.send_zcl(meter, PREPAYMENT, READ, ask, general=True, faults=play.mark)
        yield play.wait(35, 60)
        if number % 2:
            yield from display.send_zcl(meter, PRICE, CURRENT_PRICE, b"\x00", faults=play.mark)
            yield play.wait(35, 60)


@fault(
    "slow-answers",
    "The electricity meter answers a display after many seconds",
    kind=FaultKind.FAULT,
    needs=(Role.ESME, Role.PPMID),
)
def slow_answers(play: Play) -> Wait:
    display, meter = play.display_and_meter()
    for _ in range(play.count(7)):
        ask = struct.pack("<H", VERSION)
        _, seq = yield from display.send_zcl(meter, BASIC, READ, ask, general=True, faults=play.mark)
        yield play.wait(8, 16)
        told = struct.pack("<HBBB", VERSION, 0, UINT8, 3)
        yield from meter.send_zcl(
            display, BASIC, READ_ANSWER, told, general=True, to_client=True, seq=seq, faults=play.mark
        )
        yield play.wait(20, 40)


@fault(
    "key-requests-unanswered",
    "A display asks the hub for a key with the electricity meter, and gets none",
    kind=FaultKind.FAULT,
    needs=(Role.ESME, Role.PPMID),
)
def key_requests_unanswered(play: Play) -> Wait:
    display, meter = play.display_and_meter()
    for _ in range(1 + play.count(3)):
        with play.marking(display):
            yield from joining.request_key(display, meter)
        yield play.wait(40, 90)
