"""Refusals, alerts, load, identity, installation: what devices say no to, what they tell, what there is too much of."""

from __future__ import annotations

import struct

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Process
from tests.analysis.homes.days import OTA, PREPAYMENT, exchanged, refused
from tests.analysis.homes.faults.catalogue import altered, fault, much
from tests.analysis.homes.faults.presence import early, faulty
from tests.analysis.homes.joining import associate, come_in, transport_key
from tests.analysis.homes.life import BASIC, KEEP_ALIVE, METERING, PRICE, TIME, Home
from tests.analysis.homes.remote import remote_of
from tests.analysis.homes.speech import zcl

TUNNEL, MESSAGES, CALENDAR = 0x0704, 0x0703, 0x0707


def tells(home: Home, code: int, strength: float, role: str = "ESME", times: int = 1) -> Process:
    """A device raises an alert."""
    remote, one = remote_of(home), home.of(role)[0]
    faulty(home, one)
    yield early(home)
    remote.meet(one.eui64.to_bytes(8, "big"))
    for _ in range(much(times, strength)):
        yield from remote.tell(one, remote.alert(one, code))
        yield home.air.rng.uniform(20, 300)


for _code, _rule, _what in (
    (0x8F1D, "power-alert", "supply interrupted"),
    (0x8020, "power-alert", "far too much voltage"),
    (0x8010, "power-alert", "over current"),
    (0x8F3F, "security-alert", "unauthorised access"),
    (0x8F75, "security-alert", "tamper"),
    (0x8F0C, "clock-alert", "clock not adjusted"),
):

    def _tell(home: Home, strength: float, code: int = _code) -> Process:
        return (yield from tells(home, code, strength))

    fault(f"the meter raises {_code:#06x}: {_what}", "alerts", "power-alert", "security-alert", "fault-alert", "clock-alert",
          "credit-alert", "supply-alert", "battery-alert", "log-alert", "configuration-alert", strengths=(1.0,))(_tell)  # fmt: skip


@fault("a tampered meter raises no alert", "alerts", "alert-not-raised", hours=4, strengths=(1.0, 2.0))
def tampered_silently(home: Home, strength: float) -> Process:
    """A bit of its status says so, and its supplier is told nothing."""
    remote, meter = remote_of(home), home.meter
    faulty(home, meter)
    yield early(home)
    altered(meter, (1, METERING, 0x0200), lambda true: 0x04)
    for _ in range(much(4, strength)):
        yield home.air.rng.uniform(300, 700)
        yield from remote.exchange(meter, remote.command("ECS17b", meter))


@fault("a meter that was exchanged never says that it is commissioned", "alerts", "alert-not-raised", hours=3.5,
       strengths=(1.0, 2.0))  # fmt: skip
def not_commissioned(home: Home, strength: float) -> Process:
    remote = remote_of(home)
    home.more["not commissioned"] = True
    yield from exchanged(home)
    meter = home.meter
    faulty(home, meter)
    remote.meet(meter.eui64.to_bytes(8, "big"))
    yield 60.0
    for name in ("ECS70", "ECS39a"):
        yield from remote.exchange(meter, remote.command(name, meter))
        yield home.air.rng.uniform(30, 90)
    yield 1200.0
    yield from remote.tell(meter, remote.alert(meter, 0x8002, party="Network Operator"))


@fault("the meter raises one alert over and over", "alerts", "alert-flood")
def storm(home: Home, strength: float) -> Process:
    remote, one = remote_of(home), home.meter
    faulty(home, one)
    yield early(home)
    for _ in range(much(30, strength)):
        yield from remote.tell(one, remote.alert(one, 0x8002, party="Network Operator"))
        yield home.air.rng.uniform(2, 20)


def says_no(
    home: Home, one, other, cluster: int, command: int, body: bytes, status: int, times: int
) -> Process:
    faulty(home, one, other)
    yield early(home)
    for _ in range(times):
        yield from refused(home, one, other, cluster, command, body, status)
        yield home.air.rng.uniform(20, 120)


@fault(
    "a top-up is refused again and again", "refusals", "service-refused", "top-up-guessing", "reports-refused"
)
def top_up(home: Home, strength: float) -> Process:
    body = b"\x02\x1449291234000000000029"
    return (
        yield from says_no(
            home, home.of("PPMID")[0], home.meter, PREPAYMENT, 4, body, 0x7E, 2 + much(3, strength)
        )
    )


@fault("a tunnel is not given", "refusals", "tunnel-refused", "service-refused")
def no_tunnel(home: Home, strength: float) -> Process:
    hub, meter = home.hub, home.meter
    faulty(home, hub, meter)
    yield early(home)
    for _ in range(much(3, strength)):
        yield from home.speech.ask(hub, meter, TUNNEL, 0, struct.pack("<BHBH", 6, 0xFFFF, 0, 1500),
                                   struct.pack("<HBH", 0xFFFF, 2, 1500), 0)  # fmt: skip
        yield 180.0


@fault("a mirror is not given", "refusals", "service-refused", "gas-half-hour", hours=4)
def no_mirror(home: Home, strength: float) -> Process:
    hub, gas = home.hub, home.of("GSME")[0]
    faulty(home, hub, gas)
    yield early(home)
    gas.stopped.add("reports")  # without a mirror it has nobody to report to
    for _ in range(much(3, strength)):
        yield from home.speech.ask(gas, hub, METERING, 1, b"", b"\xff\xff", 1, to_client=True)
        yield home.air.rng.uniform(60, 300)


@fault("a display may not read the time", "refusals", "reports-refused", "service-refused")
def no_time(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    yield early(home)
    for _ in range(3 + much(4, strength)):
        yield from home.speech.ask(one, hub, TIME, 0, b"\0\0", b"\0\0\x7e", 1, general=True)
        yield home.air.rng.uniform(20, 120)


@fault(
    "firmware ends with an error",
    "refusals",
    "ota-aborted",
    "service-refused",
    "ota-image-header",
    "ota-restarts",
)
def bad_image(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    yield early(home)
    for _ in range(much(2, strength)):
        body = b"\x96" + struct.pack("<HHI", 0x1077, 3, 0x00010300)
        yield from home.speech.ask(one, hub, OTA, 6, body, None)
        yield home.air.rng.uniform(60, 300)


@fault("a command is refused by the meter", "refusals", "command-refused")
def gbcs_refused(home: Home, strength: float) -> Process:
    from dissectors.gbcs import MessageHeader, build, dissect_message, response_payload

    remote, meter = remote_of(home), home.meter
    faulty(home, meter)
    yield early(home)
    for _ in range(much(2, strength)):
        if not (yield from remote.opened(meter)):
            continue
        asked = remote.command("ECS01a", meter)
        yield from remote.carry(meter, asked, to_device=True)
        yield 2.0
        told = dissect_message(asked, remote.keystore)
        header = MessageHeader(2, told.layout.counter, told.layout.recipient, told.layout.originator, 0x0019)
        payload = response_payload(0x0019, header, remote.keystore)[:-1] + b"\xfa"
        yield from remote.carry(
            meter, build.response(told, keystore=remote.keystore, payload=payload), to_device=False
        )
        yield home.air.rng.uniform(60, 300)


@fault(
    "commands are not answered by the meter",
    "unanswered",
    "device-unresponsive",
    "command-unanswered",
    hours=4,
)
def gbcs_silent(home: Home, strength: float) -> Process:
    remote, meter = remote_of(home), home.meter
    faulty(home, meter)
    yield 600.0
    for name in ("ECS17b", "ECS66", "ECS52"):
        yield from remote.exchange(meter, remote.command(name, meter))
        yield 200.0
    for _ in range(1 + much(3, strength)):
        yield from remote.carry(meter, remote.command("ECS17b", meter), to_device=True)
        yield home.air.rng.uniform(200, 600)


@fault("keep-alive is not answered", "unanswered", "request-unanswered")
def no_alive(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one, hub)
    yield early(home)
    one.stopped.add("alive")
    for _ in range(3 + much(3, strength)):
        yield from home.speech.ask(one, hub, KEEP_ALIVE, 0, b"\0\0\x01\0", None, general=True)
        yield home.air.rng.uniform(100, 300)


@fault("answers come late", "unanswered", "answer-late")
def late(home: Home, strength: float) -> Process:
    home.pushes = False
    faulty(home, home.meter)
    yield early(home)
    home.meter.answers = (9.0 * max(1.0, strength), 14.0 * max(1.0, strength))


@fault("a display asks for the time without end", "load", "request-load", "request-flood")
def times(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(much(120, strength)):
        yield from home.speech.read(one, home.hub, TIME, (0,))
        yield home.air.rng.uniform(4, 12)


@fault("a display looks for devices without end", "load", "request-load", "broadcast-flood")
def looks(home: Home, strength: float) -> Process:
    one = home.of("PPMID")[0]
    faulty(home, one)
    yield early(home)
    for _ in range(much(90, strength)):
        header = assemble.aps_data(0x0006, 0, 0, 0, one.next("aps"), broadcast=True)
        asdu = struct.pack("<BHHBHB", one.next("zdp"), 0xFFFD, 0x0109, 1, METERING, 0)
        yield from home.air.shout(one, header + asdu)
        yield home.air.rng.uniform(6, 14)


@fault("the hub sends message after message", "load", "request-load")
def messages(home: Home, strength: float) -> Process:
    hub, one = home.hub, home.of("PPMID")[0]
    faulty(home, hub)
    yield early(home)
    for number in range(10 + much(20, strength)):
        body = struct.pack("<IBIHB", number, 0, 0, 60, 5) + b"Hello" + b"\0"
        yield from home.speech.say(hub, one, MESSAGES, zcl(0, body, sequence=hub.next("zcl"), to_client=True))
        yield home.air.rng.uniform(10, 30)


@fault(
    "the gas meter polls at many times its pace",
    "load",
    "poll-interval-changed",
    "gas-fast-wake",
    hours=6,
    pace={"gas_polls": 1800.0},
)
def wakes(home: Home, strength: float) -> Process:
    one = home.of("GSME")[0]
    faulty(home, one)
    yield 7000.0
    until = home.air.now + 5400
    while home.air.now < until:
        yield from home.air.poll(one, home.hub)
        yield 1800.0 / (10 * strength) * home.air.rng.uniform(0.97, 1.03)


@fault("tunnels are opened and not closed", "load", "tunnels-left-open")
def tunnels(home: Home, strength: float) -> Process:
    hub, meter = home.hub, home.meter
    faulty(home, hub, meter)
    yield early(home)
    for number in range(2 + much(3, strength)):
        yield from home.speech.ask(hub, meter, TUNNEL, 0, struct.pack("<BHBH", 6, 0xFFFF, 0, 1500),
                                   struct.pack("<HBH", 0x90 + number, 0, 1500), 0)  # fmt: skip
        yield home.air.rng.uniform(100, 300)


@fault("firmware falls back", "identity", "firmware-went-back")
def older(home: Home, strength: float) -> Process:
    one, hub = home.of("PPMID")[0], home.hub
    faulty(home, one)
    yield early(home)
    for version in (7, 7, 6, 6):
        query = b"\0" + struct.pack("<HHI", 0x1077, 3, version)
        yield from home.speech.ask(one, hub, OTA, 1, query, b"\x98", 2)
        yield 300.0


@fault("another hub", "identity", "hub-changed")
def other_hub(home: Home, strength: float) -> Process:
    faulty(home)
    yield 10_800 - 5000 * strength**0.5
    hub, keys = home.hub, dict(home.hub.links)
    hub.eui64 = home.air.rng.getrandbits(64) | 1
    hub.counts["nwk counter"] = 17
    for one in home.air.devices[1:]:
        key = keys.get(one.eui64)
        if key is not None:
            one.links[hub.eui64] = key


@fault(
    "a joiner is refused",
    "commissioning",
    "association-fails",
    "network-refused",
    "join-fails",
    "service-refused",
)
def joiner_refused(home: Home, strength: float) -> Process:
    from tests.analysis.homes.air import Device

    rng, hub, air = home.air.rng, home.hub, home.air
    one = Device("CAD", rng.getrandbits(40) | 0x0022A3 << 40, 0xFFFF, "joiner", -60, joined=False,
                 counts={"nwk counter": 0, "aps counter": 0})  # fmt: skip
    home.devices[one.name] = one
    faulty(home, one, hub)
    yield early(home)
    for _ in range(1 + much(2, strength)):
        ask = assemble.mac_command(one.next("mac"), 1, b"\x8e", dst_pan=air.pan, dst=0, src=one.eui64, src_pan=0xFFFF,
                                   src_extended=True)  # fmt: skip
        yield from air.send(one, ask, hub)
        yield 0.4
        poll = assemble.mac_command(
            one.next("mac"), 4, dst_pan=air.pan, dst=0, src=one.eui64, src_extended=True
        )
        yield from air.send(one, poll, hub, more=True)
        answer = assemble.mac_command(
            hub.next("mac"), 2, struct.pack("<HB", 0xFFFF, 2), dst_pan=air.pan, dst=one.eui64, src=hub.eui64,
            dst_extended=True, src_extended=True,
        )  # fmt: skip
        yield from air.send(hub, answer, one)
        yield rng.uniform(20, 100)


@fault("a joiner gets its key again and again", "commissioning", "join-fails", "association-fails")
def wrong_code(home: Home, strength: float) -> Process:
    from tests.analysis.homes.air import Device

    rng = home.air.rng
    one = Device("CAD", rng.getrandbits(40) | 0x0022A3 << 40, rng.randrange(1, 0xFFF0), "joiner", -60, joined=False,
                 counts={"nwk counter": 0, "aps counter": 0})  # fmt: skip
    faulty(home, one, home.hub)
    yield early(home)
    key = rng.randbytes(16)
    for _ in range(1 + much(2, strength)):
        yield from associate(home, one)
        yield 0.1
        yield from transport_key(home, one, key)
        yield rng.uniform(20, 60)


@fault(
    "joining stays open",
    "commissioning",
    "permit-join-long",
    hours=5,
    note="never less than an hour: that long the hub may be asked to stay open (CCS01), and 33 minutes are no fault",
)
def open_long(home: Home, strength: float) -> Process:
    hub, air = home.hub, home.air  # it is the network that is open
    yield early(home)
    until = air.now + 4000 + 1000 * strength
    while air.now < until:
        header = assemble.aps_data(0x0036, 0, 0, 0, hub.next("aps"), broadcast=True)
        yield from air.shout(hub, header + bytes([hub.next("zdp"), 254, 1]))
        yield air.rng.uniform(1, 5)
        beacon = assemble.mac_beacon(
            hub.next("beacon"), air.pan, 0, hub.eui64, permit_join=True, coordinator=True, update_id=0
        )
        yield from air.send(hub, beacon)
        yield 200.0


@fault("a new meter is given no tunnel", "commissioning", "installation-step", hours=5)
def half_installed(home: Home, strength: float) -> Process:
    yield early(home) / 2
    yield from come_in(home, "CAD", {})
    one = home.devices["new CAD"]
    faulty(home, one)
    one.mute = True
    assert BASIC == 0 and PRICE and CALENDAR
