"""Keys that are given away: in clear, under the well-known key, or with a wrong install code."""

from __future__ import annotations

from captures.simulated.air.medium import Place, Wait
from captures.simulated.devices.equipment import equip
from captures.simulated.faults.registry import FaultKind, Play, fault
from captures.simulated.stack import joining
from captures.simulated.stack.network import UNKNOWN_SHORT, Role
from captures.simulated.stack.node import Node

__all__: list[str] = []


def newcomer(play: Play) -> Node:
    """A further display that wants to join."""
    node = play.han.add(
        f"New display {play.name}", Role.IHD, 0x90B3D5FFFE100000 | play.rng.getrandbits(16), Place(3.0, -3.0)
    )
    equip(node)
    play.row.device = node.address
    return node


@fault("clear-key", "The network key is sent to a joining device without protection", attack="A02")
def clear_key(play: Play) -> Wait:
    yield from joining.open_joining(play.han.hub, 180)
    yield from joining.join(newcomer(play), protection="clear", faults=play.mark)


@fault("well-known-key", "The network key is sent under the well-known trust centre link key", attack="A03")
def well_known_key(play: Play) -> Wait:
    yield from joining.open_joining(play.han.hub, 180)
    yield from joining.join(newcomer(play), link_key=joining.WELL_KNOWN, faults=play.mark)


@fault(
    "wrong-install-code",
    "A device's install code was typed wrong: it never understands its key",
    kind=FaultKind.FAULT,
)
def wrong_install_code(play: Play) -> Wait:
    node, han = newcomer(play), play.han
    wrong = han.octets(f"wrong install code {node.name}", 16)
    yield from joining.open_joining(han.hub, 180)
    for _ in range(play.count(4)):
        if (yield from joining.associate(node, han.hub)):
            yield from joining.deliver_network_key(han.hub, node, wrong, faults=play.mark)
        node.key, node.joined, node.short = b"", False, UNKNOWN_SHORT
        yield play.wait(20, 40)


@fault("permit-join-open", "Joining stays open for hours", kind=FaultKind.FAULT)
def permit_join_open(play: Play) -> Wait:
    han = play.han
    stranger = play.intruder()
    han.permit_until = int(han.env.now) + 10**15
    for _ in range(play.count(14)):
        with play.marking(han.hub):
            yield from joining.scan(stranger)
        yield play.wait(300, 420)


@fault(
    "wrong-key-after-swap", "After a hub swap a device still uses the old network key", kind=FaultKind.FAULT
)
def wrong_key_after_swap(play: Play) -> Wait:
    victim = play.victim(Role.ESME, Role.PPMID, Role.IHD, Role.CAD, Role.HCALCS)
    victim.key = play.han.octets(f"old network key {victim.name}", 16)
    for _ in range(play.count(12)):
        yield from victim.send_zcl(
            play.han.hub, 0x000A, 0, b"\x00\x00", general=True, faults=play.mark, ack=False
        )
        yield play.wait(20, 60)
    victim.key = play.han.key
