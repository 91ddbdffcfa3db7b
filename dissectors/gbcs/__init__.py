"""GBCS: the messages between a smart meter and those who may talk to it.

From Great Britain Companion Specification 0.8 to 4.x: read, verified, decrypted, named, matched, and built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.deferred import deferred

if TYPE_CHECKING:
    from dissectors.gbcs.dissection import dissect_message
    from dissectors.gbcs.keystore import Keystore
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["GbcsMessage", "Keystore", "dissect_message"]

# A keystore is read with every capture, messages only where there are some.
__getattr__ = deferred(
    __name__, {"GbcsMessage": "message", "Keystore": "keystore", "dissect_message": "dissection"}
)
