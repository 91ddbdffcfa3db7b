"""Scapy's door: every layer that is read here, as real Scapy layers, down to ZCL, GBCS and DLMS.

>>> from dissectors.scapy import MacHeader, Sniffed
>>> frame = MacHeader(frame_type=1, dst_mode=2, dst_pan=0x1A62, dst_short=0) / b"\\x01"
>>> bytes(frame).hex()
'010800621a000001'
>>> Sniffed().dissect(bytes(frame)).haslayer("802.15.4")
True

Strategy: a Scapy class is made of a layer's one declaration (`to_scapy`): its parts become Scapy's fields, and
reading and building are the layer's own. What is a tree of fields and no layer (ZCL, GBCS, DLMS) becomes a Scapy
layer of those fields (`Branch`). A frame is one stack of layers: first those on the air, then, behind an `Opened`
each, those of what was opened. On the air an `Opened` and what stands behind it take no octets, so that ``bytes``
of the stack are the frame's; `sealed` closes the opened layers again after a change.

Nothing of this is used for bulk work; this module alone imports Scapy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dissectors.layout import Layer
from dissectors.scapy.branches import DLMS, GBCS, ZCL, Branch
from dissectors.scapy.frames import Opened, Sniffed, dissect, stack
from dissectors.scapy.layers import LayoutPacket, to_scapy
from dissectors.scapy.sealing import sealed

__all__ = [
    "DLMS",
    "GBCS",
    "ZCL",
    "Branch",
    "LayoutPacket",
    "Opened",
    "Sniffed",
    "dissect",
    "sealed",
    "stack",
    "to_scapy",
]


def __getattr__(name: str) -> Any:
    """Every layer by the name of its class, as a Scapy class: ``from dissectors.scapy import NwkHeader``."""
    found = _layers().get(name)
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return to_scapy(found)


@cache
def _layers() -> dict[str, type[Layer]]:
    """All layers by class name, those that a MAC frame begins with first."""
    from dissectors import dispatch  # noqa: F401  (whatever it imports declares layers)

    out: dict[str, type[Layer]] = {}
    todo = [Layer]
    while todo:
        for kind in todo.pop(0).__subclasses__():
            out.setdefault(kind.__name__, kind)
            todo.append(kind)
    return out
