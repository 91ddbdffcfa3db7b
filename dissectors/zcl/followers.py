"""Clusters whose commands belong together over many frames: who follows them."""

from __future__ import annotations

from collections.abc import Callable

from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import Fitted
from dissectors.zcl.reading import Reading
from dissectors.zcl.tunnel import follow_tunnel

__all__ = ["FOLLOWERS", "follow"]

FOLLOWERS: dict[int, Callable[[Reading, Command, Fitted], None]] = {0x0704: follow_tunnel}


def follow(reading: Reading, command: Command, found: Fitted) -> None:
    """Hand the command to the follower of its cluster, if there is one."""
    follower = FOLLOWERS.get(reading.cluster.id)
    if follower is not None and reading.header.manufacturer is None:
        follower(reading, command, found)
