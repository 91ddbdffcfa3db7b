"""What goes wrong with GBCS messages: replayed, changed, cut, badly encoded, lost, never answered."""

from __future__ import annotations

from collections.abc import Sequence

from captures.simulated.air.medium import Wait
from captures.simulated.faults.keys import newcomer
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.remote import gbcs_flows
from captures.simulated.remote.alerts import dlms_time
from captures.simulated.remote.dcc import Dcc, dcc_of
from captures.simulated.remote.directory import Entity
from captures.simulated.stack import joining, key_establishment
from captures.simulated.stack.attributes import say
from captures.simulated.stack.clusters import PREPAYMENT
from captures.simulated.stack.network import Role
from dissectors.gbcs import MessageHeader, alert_codes, command_payload, response_payload

__all__: list[str] = []

READ_SUPPLY, READ_VERSION, READ_EXPORT_PROFILE, READ_REGISTERS = 0x0039, 0x0059, 0x0036, 0x0027
SET_CLOCK, SET_TARIFF = 0x0062, 0x0019
SECOND = 1_000_000_000
DATED = ((0x001A, (111, "0-1:19.0.0.255", 13)), (0x001B, (111, "0-1:19.0.0.255", 13)))
"""Commands that may be for later (payment modes), and where their date stands."""
READ_SECURITY_LOG, SECURITY_LOG = 0x0049, (7, "0-0:99.98.1.255", 2)
SUSPENDED, LOCKED_OUT, AUTHENTICATION_FAILED = 0x81C4, 0x81C5, 0x8F3D
TOP_UP, TOP_UP_RESULT, REJECTED = 0x04, 0x03, 0x01


def _meter(play: Play) -> tuple[Dcc, Entity, Entity]:
    """The far side, the electricity meter, and its supplier."""
    dcc = dcc_of(play.han)
    meter = dcc.device(Role.ESME)
    play.row.device = meter.address
    return dcc, meter, dcc.parties["Supplier A"]


@fault(
    "gbcs-replay",
    "A command that a meter has executed is delivered to it again",
    attack="A31",
    needs=(Role.ESME,),
)
def gbcs_replay(play: Play) -> Wait:
    dcc, meter, supplier = _meter(play)
    octets = dcc.command(SET_CLOCK, supplier, meter, dcc.counter(supplier))
    yield from dcc.exchange(SET_CLOCK, originator=supplier, octets=octets)
    yield from dcc.exchange(SET_TARIFF, originator=supplier)
    for _ in range(play.count(3)):
        yield play.wait(20, 60)
        yield from dcc.exchange(SET_CLOCK, originator=supplier, octets=octets, faults=play.mark)


@fault("gbcs-tamper", "Octets of commands are changed on their way: MAC and signature do not fit", attack="A32",
       needs=(Role.ESME,))  # fmt: skip
def gbcs_tamper(play: Play) -> Wait:
    dcc, meter, supplier = _meter(play)
    for code in (READ_VERSION, 0x001A, SET_CLOCK)[: play.count(3)]:
        octets = bytearray(dcc.command(code, supplier, meter, dcc.counter(supplier)))
        # an octet of the payload: structure and headers stay readable
        at = len(octets) - (90 if code != READ_VERSION else 16)
        octets[at] ^= 1 << play.rng.randrange(8)
        yield from dcc.exchange(code, originator=supplier, octets=bytes(octets), faults=play.mark)
        yield from gbcs_flows.notify(dcc, 0x1000, Role.ESME, alert_code=AUTHENTICATION_FAILED)
        yield play.wait(10, 40)


@fault("token-brute-force", "Top-up codes are guessed at the display until entry is suspended", attack="A33",
       needs=(Role.ESME, Role.PPMID))  # fmt: skip
def token_brute_force(play: Play) -> Wait:
    dcc, meter, _ = _meter(play)
    display = play.victim(Role.PPMID)
    assert meter.node is not None
    for _ in range(play.count(8)):
        code = f"{play.rng.randrange(10**20):020d}".encode()
        payload = b"\x02" + bytes((len(code),)) + code
        _, seq = yield from display.send_zcl(meter.node, PREPAYMENT, TOP_UP, payload, faults=play.mark)
        values = {"result_type": REJECTED, "top_up_value": 0, "source_of_top_up": 2, "credit_remaining": 0}
        yield from say(meter.node, display, PREPAYMENT, TOP_UP_RESULT, values, seq=seq, faults=play.mark)
        yield play.wait(20, 90)
    for alert_code in (SUSPENDED, LOCKED_OUT):
        yield from gbcs_flows.notify(dcc, 0x1001, Role.ESME, alert_code=alert_code, faults=play.mark)


@fault(
    "truncated-tunnel",
    "Messages end in the middle: the rest is never sent",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def truncated_tunnel(play: Play) -> Wait:
    dcc, _, _ = _meter(play)

    def cut(parts: Sequence[bytes]) -> Sequence[bytes]:
        return [*parts[:-1], parts[-1][: max(20, round(len(parts[-1]) * play.rng.uniform(0.3, 0.8)))]]

    for _ in range(play.count(3)):
        yield from dcc.exchange(READ_REGISTERS, change=cut, answered=False, faults=play.mark)
        yield play.wait(20, 60)


@fault("missing-block", "A block of a long response never comes", kind=FaultKind.FAULT, needs=(Role.ESME,))
def missing_block(play: Play) -> Wait:
    dcc, _, _ = _meter(play)

    def drop(parts: Sequence[bytes]) -> Sequence[bytes]:
        if len(parts) < 2:
            return parts
        gone = play.rng.randrange(len(parts))
        return [part for index, part in enumerate(parts) if index != gone]

    for _ in range(play.count(2)):
        yield from dcc.exchange(READ_EXPORT_PROFILE, change_answer=drop, faults=play.mark)
        yield play.wait(30, 90)


@fault(
    "no-response", "A meter takes commands and never answers them", kind=FaultKind.FAULT, needs=(Role.ESME,)
)
def no_response(play: Play) -> Wait:
    dcc, _, _ = _meter(play)
    for code in (READ_VERSION, READ_SUPPLY, READ_REGISTERS, READ_VERSION)[: play.count(4)]:
        yield from dcc.exchange(code, answered=False, faults=play.mark)
        yield play.wait(30, 120)


@fault(
    "counters-out-of-order",
    "A party's commands come with originator counters below the last one",
    kind=FaultKind.FAULT,
    needs=(Role.ESME,),
)
def counters_out_of_order(play: Play) -> Wait:
    dcc, meter, supplier = _meter(play)
    yield from dcc.exchange(SET_TARIFF, originator=supplier)
    for step in range(play.count(3)):
        low = dcc.counter(supplier) - ((600 + 60 * step) << 32)
        octets = dcc.command(SET_CLOCK, supplier, meter, low)
        yield from dcc.exchange(SET_CLOCK, originator=supplier, octets=octets, faults=play.mark)
        yield play.wait(20, 60)


@fault("non-compliant-message", "A meter encodes its responses otherwise than the standard has it", kind=FaultKind.FAULT,
       needs=(Role.ESME,))  # fmt: skip
def non_compliant_message(play: Play) -> Wait:
    dcc, _, _ = _meter(play)

    def longer(payload: bytes) -> bytes:
        """The number of results in two octets where one would do (access response, A-XDR)."""
        return payload[:7] + b"\x81" + payload[7:]

    for code in (READ_VERSION, READ_SUPPLY, READ_VERSION)[: play.count(3)]:
        yield from dcc.exchange(code, change_payload=longer, faults=play.mark)
        yield play.wait(20, 60)


@fault("expired-certificate", "A device joins with a key establishment certificate that has expired: no link key",
       kind=FaultKind.FAULT)  # fmt: skip
def expired_certificate(play: Play) -> Wait:
    node, hub = newcomer(play), play.han.hub
    yield from joining.open_joining(hub, 180)
    yield from joining.join(node)
    for _ in range(play.count(3)):
        yield from key_establishment.establish(node, hub, valid_for=90 * 86_400, faults=play.mark)
        yield play.wait(15, 40)


@fault("dated-command-silent", "The electricity meter takes a command for later and never says what came of it",
       kind=FaultKind.FAULT, needs=(Role.ESME,))  # fmt: skip
def dated_command_silent(play: Play) -> Wait:
    dcc, meter, supplier = _meter(play)
    for number in range(play.count(2)):
        code, where = DATED[number % len(DATED)]
        counter = dcc.counter(supplier)
        later = play.han.now // SECOND + play.rng.randrange(120, 600)
        payload = command_payload(code, counter, {where: ("octet-string", dlms_time(later))})
        octets = dcc.command(code, supplier, meter, counter, payload)
        yield from dcc.exchange(code, originator=supplier, octets=octets, faults=play.mark)
        yield play.wait(20, 60)


@fault("logged-not-alerted", "The electricity meter writes tampering into its log and raises no alert",
       kind=FaultKind.FAULT, needs=(Role.ESME,))  # fmt: skip
def logged_not_alerted(play: Play) -> Wait:
    dcc, _, supplier = _meter(play)
    must = [
        one.code
        for one in alert_codes().values()
        if one.must and one.severity == "warning" and one.log == "security log"
    ]
    entries = []
    for _ in range(play.count(2)):
        entries.append((play.han.utc, play.rng.choice(must)))
        yield play.wait(60, 200)
    rows = [
        ("structure", [("double-long-unsigned", when), ("long-unsigned", code)]) for when, code in entries
    ]

    def told(payload: bytes) -> bytes:
        """The answer with these entries, under the number of the one that it replaces."""
        header = MessageHeader(2, int.from_bytes(payload[2:5], "big"), b"", b"", READ_SECURITY_LOG)
        return response_payload(READ_SECURITY_LOG, header, dcc.keystore, {SECURITY_LOG: ("array", rows)})

    yield from dcc.exchange(READ_SECURITY_LOG, originator=supplier, faults=play.mark, change_payload=told)
