"""Certificate-based key establishment between a device and the hub (ZSE annex C)."""

from __future__ import annotations

from captures.simulated.medium import Wait
from captures.simulated.node import Node

__all__ = ["establish"]


def establish(node: Node, hub: Node) -> Wait:
    """Agree on a link key."""
    from captures.simulated.home import share

    yield node.han.wait(1)
    share(node.han, hub, node, node.han.octets(f"link {hub.name} {node.name}", 16))
