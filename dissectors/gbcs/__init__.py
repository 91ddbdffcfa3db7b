"""GBCS: the messages between a smart meter and those who may talk to it.

From Great Britain Companion Specification 0.8 to 4.x: read, verified, decrypted, named, matched, and built.
"""

from dissectors.gbcs.dissection import dissect_message
from dissectors.gbcs.keystore import Keystore
from dissectors.gbcs.message import GbcsMessage

__all__ = ["GbcsMessage", "Keystore", "dissect_message"]
