"""Clusters whose commands belong together over many frames: who follows them."""

from __future__ import annotations

from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import Fitted
from dissectors.zcl.reading import Reading

__all__ = ["follow"]


def follow(reading: Reading, command: Command, found: Fitted) -> str:
    """Hand the command to the follower of its cluster, if there is one; returns text for the summary."""
    return ""
