"""HLS passes 3 and 4 on the wire: the answers to the challenges, checked when the secrets are there.

They travel as method 1 of the association object (class 15, 0-0:40.0.0.255), request and response
(Green Book, HLS authentication).
"""

from __future__ import annotations

from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.association import Association
from dissectors.dlms.items.pairs import Pair
from dissectors.dlms.security.hls import Challenge, check_answer

__all__ = ["check_hls"]


def check_hls(apdu: Apdu, pairs: list[Pair], association: Association) -> list[str]:
    """``valid``, ``invalid`` or ``no_key`` for each answer to a challenge among the pairs."""
    if apdu.tag not in (0xC3, 0xC7) or not association.mechanism.startswith("HLS"):
        return []
    direction, other = ("to-server", "to-client") if apdu.tag == 0xC3 else ("to-client", "to-server")
    out = []
    for where, node in ((pair.target, pair.node) for pair in pairs):
        if where is None or (where.class_id, where.number) != (15, 1) or node is None or node[0] != 9:
            continue
        challenge = Challenge(
            association.challenges.get(other, b""),
            association.challenges.get(direction, b""),
            association.titles.get(direction, b""),
            association.titles.get(other, b""),
        )
        if challenge.challenge:
            out.append(check_answer(association.mechanism, node[1], challenge, association.keys))
    return out
