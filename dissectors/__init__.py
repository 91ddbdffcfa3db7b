"""What the octets say: from the 802.15.4 frame to the last COSEM value. No I/O of any kind in here.

Names resolve on first use. Modules that had another name or place once answer to it still: scripts hold on to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.deferred import deferred
from dissectors.former_names import answer_to_former_names

if TYPE_CHECKING:
    from dissectors.dispatch import dissect_frame

__all__ = ["dissect_frame"]

MOVED = {
    "dissectors.counter_columns": "dissectors.security.counter_columns",
    "dissectors.counters": "dissectors.security.counters",
    "dissectors.dlms.unwrapping": "dissectors.dlms.apdu_decoder",
    "dissectors.evidence": "dissectors.protocol_detection",
    "dissectors.kernels": "dissectors.vectors.kernels",
    "dissectors.key_proofs": "dissectors.security.key_proofs",
    "dissectors.lookalikes": "dissectors.other_protocols",
    "dissectors.zigbee.key_columns": "dissectors.zigbee.security.opening_columns",
    "dissectors.zigbee.keys": "dissectors.zigbee.security.candidates",
    "dissectors.zigbee.learn": "dissectors.zigbee.learning",
    "dissectors.zigbee.link_keys": "dissectors.zigbee.security.link_keys",
    "dissectors.zigbee.outer": "dissectors.zigbee.stateless_layers",
    "dissectors.zigbee.proofs": "dissectors.zigbee.security.candidates",
    "dissectors.zigbee.seal": "dissectors.zigbee.security.sealing",
    "dissectors.zigbee.security_columns": "dissectors.zigbee.security.verdict_columns",
}
"""Former names of modules, and where they are now."""

answer_to_former_names(MOVED)
# The ciphers take a while to load: only when the first frame is dissected.
__getattr__ = deferred(__name__, {"dissect_frame": "dispatch"})
