"""GBCS: the messages between a smart meter and those who may talk to it.

From Great Britain Companion Specification 0.8 to 4.x: read, verified, decrypted, named, matched, and built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dissectors.gbcs.dissection import dissect_message
    from dissectors.gbcs.keystore import Keystore
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["GbcsMessage", "Keystore", "dissect_message"]

HOMES = {"GbcsMessage": "message", "Keystore": "keystore", "dissect_message": "dissection"}
"""Module of each public name: a keystore is read with every capture, messages only where there are some."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(f"dissectors.gbcs.{HOMES[name]}"), name)
    raise AttributeError(f"module 'dissectors.gbcs' has no attribute {name!r}")
