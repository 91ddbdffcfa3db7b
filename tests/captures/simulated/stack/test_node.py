"""The stack of a device: what it sends is read again by the dissectors, and what it means stands beside it."""

from typing import Any

import pytest

from captures.simulated.air.medium import Place
from captures.simulated.devices.han import Han
from captures.simulated.stack.attributes import hold, read
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from captures.simulated.stack.tunnels import Tunnels, deliver


@pytest.fixture
def pair() -> tuple[Han, Node, Node]:
    """A hub and a display that share network and link key."""
    han = Han(seed=9)
    hub = han.add("Hub", Role.CHF, 0x90B3D5FFFE0000A2, Place(0, 0))
    display = han.add("Display", Role.IHD, 0x90B3D5FFFE0000A5, Place(1, 0))
    for node, short in ((hub, 0), (display, 0x1234)):
        node.short, node.joined, node.key = short, True, han.key
    han.share_link_key(hub, display, bytes(range(16)), origin="test")
    han.sniffer(Place(0, 1))
    return han, hub, display


def test_attributes_are_read(pair: tuple[Han, Node, Node]) -> None:
    han, hub, display = pair
    hold(hub, 0x0702, {0x0000: (0x25, lambda: 4711), 0x0200: (0x18, 0)})
    assert han.do(read(display, hub, 0x0702, (0x0000, 0x0200, 0x9999))) == {0x0000: 4711, 0x0200: 0}
    asked: Any = next(one.truth for one in han.medium.heard if one.truth.get("zcl_command") == 0)
    assert asked["nwk_src"] == 0x1234 and asked["aps_cluster"] == 0x0702 and asked["zcl_type"] == "general"


def test_a_long_message_goes_in_fragments(pair: tuple[Han, Node, Node]) -> None:
    han, hub, display = pair
    assert han.do(hub.send_aps(display, 0x0704, bytes(200), {}))
    parts = {one.truth["fragment"] for one in han.medium.heard if "fragment" in one.truth}
    assert parts == {0, 1, 2, 3}


def test_a_tunnel_is_opened_once(pair: tuple[Han, Node, Node]) -> None:
    han, hub, display = pair
    for _ in range(2):
        assert han.do(deliver(hub, display, b"\xdf" + bytes(40), {"message": 1}))
    assert hub.part(Tunnels).open is None and display.part(Tunnels).served == 1


def test_a_stack_shows_no_key(pair: tuple[Han, Node, Node]) -> None:
    han, hub, _ = pair
    keys = [han.key, hub.install_code, *hub.link_keys.values()]
    said = repr(hub) + repr(han.notes)
    assert not any(repr(key)[2:-1] in said or key.hex() in said for key in keys)
