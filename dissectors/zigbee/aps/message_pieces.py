"""What a fragment that completes nothing carries of a message in a tunnel.

Source: ZigBee 05-3474 R22 clause 2.2.8.4.5 (fragments), ZSE D.6 (Tunneling cluster)."""

from __future__ import annotations

from dissectors.model.frame import Piece
from dissectors.zcl.stateful.envelopes import kind_of
from dissectors.zcl.stateful.transfers import TUNNELING, message_head
from dissectors.zigbee.aps.fragments import BlockSet

__all__ = ["fragment_piece"]

ZDP_PROFILE = 0x0000


def fragment_piece(
    held: BlockSet | None, block: int, cluster: int | None, profile: int | None
) -> Piece | None:
    """The piece in one fragment; None where it is not part of a transfer.

    Args:
        held: the payload that it belongs to, with the fragment.
        block: 0-based number of the fragment.
        cluster, profile: of its APS header.
    """
    if held is None or cluster != TUNNELING or profile == ZDP_PROFILE:
        return None
    if held.whole is not None:
        return Piece("unknown", b"", block + 1, held.total, held.completed_by)
    head = message_head(held.blocks[0]) if 0 in held.blocks else b""
    return Piece(kind_of(head), head, block + 1, held.total)
