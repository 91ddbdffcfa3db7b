"""Clusters whose commands belong together over many frames: who follows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import DecodedCommand
from dissectors.zcl.reading import Reading

__all__ = ["FOLLOWERS", "follow"]

Follower = Callable[[Reading, Command, DecodedCommand], None]

# Module and function, imported when the first command of the cluster comes.
FOLLOWERS: dict[int, tuple[str, str]] = {
    0x0019: ("ota", "follow_ota"),
    0x0704: ("tunnel", "follow_tunnel"),
    0x0800: ("key_establishment", "follow_key_establishment"),
}


@cache
def _follower(cluster: int) -> Follower | None:
    if cluster not in FOLLOWERS:
        return None
    module, name = FOLLOWERS[cluster]
    found: Follower = getattr(import_module(f"dissectors.zcl.{module}"), name)
    return found


def follow(reading: Reading, command: Command, found: DecodedCommand) -> None:
    """Hand the command to the follower of its cluster, if there is one."""
    follower = _follower(reading.cluster.id)
    if follower is not None and reading.header.manufacturer is None:
        follower(reading, command, found)
