"""The kinds of exchanges, in a table: what each is called, how long an answer may take, how long it is held open."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FRAME_KINDS", "KINDS", "OUTCOMES", "SECOND", "Kind", "kind_number"]

SECOND = 1_000_000_000
OUTCOMES = ("ok", "refused", "failed", "unanswered", "incomplete", "running")


class Kind(NamedTuple):
    """One kind of exchange.

    Attributes:
        limit: seconds that an answer may take, before it counts as missing.
        held: seconds after its last frame that it is held open: later frames that look alike are another exchange.
    """

    name: str
    limit: float
    held: float
    meaning: str


KINDS = (
    # ZCL and ZDP name no time to answer. A request may be tried three times, apscAckWaitDuration (1.6 s) apart, over each
    # hop, and request and answer may each wait 7.68 s (macTransactionPersistenceTime) for a sleeping device.
    Kind("zcl", 30, 30, "ZCL request that an answer is due to, with its answer"),
    Kind("zdp", 30, 30, "ZDP request with its answer"),
    Kind("delivery", 1, 30, "ZCL frame that no answer is due to (a report, an answer in fragments)"),
    # A transfer is held until the message that it carries a piece of is whole.
    Kind("transfer", 1, 600, "Transfer Data of a tunnel, with its acknowledgements"),
    Kind("poll", 1, 5, "MAC data request of a sleeping device, with what it fetched"),
    Kind("join", 60, 60, "association to the announcement that the device has the network key"),
    Kind("rejoin", 60, 60, "NWK rejoin request to the announcement"),
    Kind("key-establishment", 60, 120, "certificate-based key establishment (CBKE), Initiate to Confirm"),
    Kind("tunnel", 30, 65_535, "tunnel session, Request Tunnel to Close Tunnel"),
    Kind("gbcs", 7200, 7200, "GBCS command with its response and alerts; or an alert of its own"),
    Kind("ota", 300, 600, "firmware download, Query Next Image to Upgrade End"),
)  # fmt: skip
"""In `packets.exchange` stands the innermost; a transfer's parent is the GBCS exchange whose message it carries (the
tunnel while none is known), and a GBCS exchange's parent is the tunnel session that it began in."""
FRAME_KINDS = 5
"""The first so many kinds are told from frames alone, in arrays; the others are seldom and are told one by one."""


def kind_number(name: str) -> int:
    """The place of a kind in `KINDS`."""
    return next(number for number, kind in enumerate(KINDS) if kind.name == name)
