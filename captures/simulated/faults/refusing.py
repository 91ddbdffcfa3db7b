"""Devices that refuse: commands, reads, prices, a mirror, a rejoin."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.remote.dcc import dcc_of
from captures.simulated.stack import discovery, joining
from captures.simulated.stack.clusters import METERING, PRICE
from captures.simulated.stack.network import Role

__all__: list[str] = []

SET_TARIFF, ENABLE_SUPPLY, PAYMENT_MODE = 0x0019, 0x004F, 0x001B
TEMPORARY, DENIED, OTHER = 2, 3, 250  # DLMS results
READ, READ_ANSWER, DEFAULT_ANSWER, CURRENT_PRICE, MIRROR = 0x00, 0x01, 0x0B, 0x00, 0x01
UNSUPPORTED, NOT_FOUND, NO_MIRROR = 0x86, 0x8B, 0xFFFF
REJOIN, REJOIN_ANSWER, ACCESS_DENIED, NO_ADDRESS = 0x06, 0x07, 0x02, 0xFFFF
REGISTERS = (0x0000, 0x0C01, 0x0401)  # CurrentSummationDelivered, two of ConsumptionDelivered


@fault(
    "command-refused",
    "The electricity meter refuses commands of the supplier",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def command_refused(play: Play) -> Wait:
    dcc = dcc_of(play.han)
    play.row.device = dcc.device(Role.ESME).address
    code = play.rng.choice((SET_TARIFF, ENABLE_SUPPLY, PAYMENT_MODE))
    result = play.rng.choice((TEMPORARY, DENIED, OTHER))

    def refusing(payload: bytes) -> bytes:
        """The last result, which is success, is another (DLMS access response: results are the last octets)."""
        return payload[:-1] + bytes([result])

    for _ in range(play.count(2)):
        yield from dcc.exchange(code, change_payload=refusing, faults=play.mark)
        yield play.wait(30, 90)


@fault(
    "read-refused",
    "A display asks the hub for gas readings, and is given none",
    kind=FaultKind.FAULT,
    needs=(Role.GSME, Role.PPMID),
)
def read_refused(play: Play) -> Wait:
    hub, display = play.han.hub, play.victim(Role.PPMID)
    ask = b"".join(struct.pack("<H", one) for one in REGISTERS)
    told = b"".join(struct.pack("<HB", one, UNSUPPORTED) for one in REGISTERS)
    for _ in range(play.count(14)):
        _, seq = yield from display.send_zcl(
            hub, METERING, READ, ask, general=True, endpoints=(1, 2), faults=play.mark
        )
        yield from hub.send_zcl(
            display, METERING, READ_ANSWER, told, general=True, to_client=True, seq=seq, endpoints=(2, 1),
            faults=play.mark,
        )  # fmt: skip
        yield play.wait(20, 60)


@fault(
    "price-refused",
    "A display asks the meter for the price, which has none",
    kind=FaultKind.FAULT,
    needs=(Role.ESME, Role.PPMID),
)
def price_refused(play: Play) -> Wait:
    display, meter = play.display_and_meter()
    for _ in range(play.count(6)):
        _, seq = yield from display.send_zcl(meter, PRICE, CURRENT_PRICE, b"\x00", faults=play.mark)
        yield from meter.send_zcl(
            display, PRICE, DEFAULT_ANSWER, bytes([CURRENT_PRICE, NOT_FOUND]), general=True, to_client=True,
            seq=seq, faults=play.mark,
        )  # fmt: skip
        yield play.wait(20, 60)


@fault(
    "mirror-refused",
    "The hub has no mirror for the gas meter, which asks again and again",
    kind=FaultKind.FAULT,
    needs=(Role.GSME,),
)
def mirror_refused(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.GSME)
    for _ in range(play.count(5)):
        _, seq = yield from meter.send_zcl(hub, METERING, MIRROR, to_client=True, faults=play.mark)
        answer = struct.pack("<H", NO_MIRROR)
        refused = hub.send_zcl(meter, METERING, MIRROR, answer, seq=seq, faults=play.mark)
        yield from meter.awake_for(refused)
        yield play.wait(60, 200)


@fault("rejoin-refused", "A device rejoins, and the hub refuses it", kind=FaultKind.FAULT)
def rejoin_refused(play: Play) -> Wait:
    victim, hub = play.victim(Role.PPMID, Role.IHD, Role.CAD), play.han.hub
    for _ in range(play.count(4)):
        yield from joining.scan(victim)
        body = bytes([REJOIN, discovery.capability(victim)])
        truth: FrameTruth = {"nwk": "command", "nwk_command": REJOIN}
        yield from victim.send_nwk(hub, body, truth, command=True, with_eui64=True, faults=play.mark)
        body = bytes([REJOIN_ANSWER]) + struct.pack("<HB", NO_ADDRESS, ACCESS_DENIED)
        truth = {"nwk": "command", "nwk_command": REJOIN_ANSWER}
        answer = hub.send_nwk(victim, body, truth, command=True, with_eui64=True, faults=play.mark)
        yield from victim.awake_for(answer)
        yield play.wait(30, 90)
