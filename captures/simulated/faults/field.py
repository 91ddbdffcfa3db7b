"""What breaks in the field: links, batteries, clocks, addresses, mirrors."""

from __future__ import annotations

import struct

from captures.simulated.air.medium import Receiver, Transmission, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.devices.behaviour import displays
from captures.simulated.devices.equipment import Clock
from captures.simulated.devices.gas_mirror import Mirror
from captures.simulated.devices.metering import electricity_meter
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import attributes, discovery, joining
from captures.simulated.stack.clusters import METERING, TIME
from captures.simulated.stack.network import PROFILE_SE, Role
from dissectors.zigbee import assemble

__all__: list[str] = []


@fault("weak-link", "A device's link grows weak: its frames are lost and repeated", kind=FaultKind.FAULT)
def weak_link(play: Play) -> Wait:
    victim = play.victim(Role.PPMID, Role.IHD, Role.CAD, Role.ESME)
    before = victim.tx_dbm
    margin = min(play.han.medium.rssi(victim, s) - s.sensitivity_dbm for s in play.han.medium.sniffers)
    victim.tx_dbm -= max(6.0, min(22.0, margin - 4.0))

    def applies(sent: Transmission, receiver: Receiver | None) -> float:
        touches = receiver is not None and (sent.sender is victim or receiver is victim)
        return min(0.9, 0.45 * play.strength) if touches else 0.0

    disturbance = play.interfere(applies)
    with play.marking(victim):
        yield play.wait(1500, 2400)
    play.stop_interference(disturbance)
    victim.tx_dbm = before


@fault("flat-battery", "The gas meter's battery fails: it wakes more and more rarely, then no more", kind=FaultKind.FAULT,
       needs=(Role.GSME,))  # fmt: skip
def flat_battery(play: Play) -> Wait:
    victim = play.victim(Role.GSME)
    victim.tx_dbm -= 6
    with play.marking(victim):
        yield play.wait(2000, 2400)
    victim.up = False
    play.row.detail = "silent from here on"


@fault("clock-drift", "The hub's clock drifts away from true time", kind=FaultKind.FAULT)
def clock_drift(play: Play) -> Wait:
    hub = play.han.hub
    for step in range(play.count(20)):
        hub.part(Clock).error = 3 * (step + 1)
        yield play.wait(30, 60)
        reader = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
        yield from attributes.read(reader, hub, TIME, (0,), faults=play.mark)
    play.row.device = hub.address


@fault("clock-jump", "The hub's time jumps by an hour", attack="A34")
def clock_jump(play: Play) -> Wait:
    hub = play.han.hub
    for error in (0, 3600, 3600):
        hub.part(Clock).error = error
        reader = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
        yield from attributes.read(reader, hub, TIME, (0,), faults=play.mark if error else ())
        yield play.wait(10, 60)
    hub.part(Clock).error = 0
    play.row.device = hub.address


@fault("duplicate-address", "Two devices use the same short address", kind=FaultKind.FAULT)
def duplicate_address(play: Play) -> Wait:
    first = play.victim(Role.PPMID, Role.IHD, Role.CAD)
    second = next(
        n
        for n in play.han.nodes
        if n.role in (Role.PPMID, Role.IHD, Role.CAD, Role.HCALCS) and n is not first
    )
    before, second.short = second.short, first.short
    yield from discovery.announce(second)
    for _ in range(play.count(6)):
        for node in (first, second):
            yield from attributes.read(node, play.han.hub, TIME, (0,), faults=play.mark)
            yield play.wait(5, 20)
    second.short = before
    yield from discovery.announce(second)


@fault(
    "lost-mirror",
    "The hub loses the gas meter's mirror: reports are refused",
    kind=FaultKind.FAULT,
    needs=(Role.GSME,),
)
def lost_mirror(play: Play) -> Wait:
    hub, meter = play.han.hub, play.victim(Role.GSME)
    hub.part(Mirror).there = False
    for _ in range(play.count(4)):
        reading = struct.pack("<HBB", 0x0200, 0x18, 0)
        arrived, seq = yield from meter.send_zcl(
            hub,
            METERING,
            0x0A,
            reading,
            general=True,
            to_client=True,
            endpoints=(1, 2),
            faults=play.mark,
        )
        if arrived:
            refused = hub.send_zcl(
                meter,
                METERING,
                0x0B,
                b"\x0a\x8b",
                general=True,
                seq=seq,
                endpoints=(2, 1),
                faults=play.mark,
            )
            yield from meter.awake_for(refused)
        yield play.wait(60, 200)


@fault("stuck-polling", "A sleeping device polls every few seconds and does not go back to sleep", attack="A35",
       needs=(Role.GSME,))  # fmt: skip
def stuck_polling(play: Play) -> Wait:
    victim = play.victim(Role.GSME)
    with play.marking(victim):
        for _ in range(play.count(140)):
            yield from victim.poll()
            yield play.wait(5, 9)


@fault(
    "non-compliant-encoding",
    "A meter reports its register with another data type than the standard's",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def non_compliant_encoding(play: Play) -> Wait:
    meter = play.victim(Role.ESME)
    for _ in range(play.count(4)):
        payload = struct.pack("<HBI", 0x0000, 0x23, electricity_meter(meter).energy())
        for display in displays(play.han):
            yield from meter.send_zcl(display, METERING, 0x0A, payload, general=True, to_client=True,
                                      faults=play.mark)  # fmt: skip
        yield play.wait(30, 90)


@fault("rejoin-loop", "A device loses its parent and rejoins again and again", kind=FaultKind.FAULT)
def rejoin_loop(play: Play) -> Wait:
    victim = play.victim(Role.PPMID, Role.IHD, Role.CAD)
    for _ in range(play.count(6)):
        with play.marking(victim):
            yield from joining.rejoin(victim)
        yield play.wait(15, 45)


@fault("unsecured-data", "A device sends application data without network security", kind=FaultKind.FAULT)
def unsecured_data(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD)
    for _ in range(play.count(6)):
        aps = assemble.aps_data(TIME, PROFILE_SE, 1, 1, victim.next_aps())
        asdu = bytes([0x10, victim.next_zcl(), 0, 0, 0])
        truth: FrameTruth = {"aps_cluster": TIME, "aps_profile": PROFILE_SE}
        yield from victim.send_nwk(play.han.hub, aps + asdu, truth, secured=False, faults=play.mark)
        yield play.wait(5, 30)
