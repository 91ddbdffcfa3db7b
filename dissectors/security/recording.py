"""What becomes of one secured frame: verdict, reason, key, proof and counter, put down alike for every layer."""

from __future__ import annotations

from typing import NamedTuple

from dissectors.layout.reading import Reading
from dissectors.model.keyring import Key
from dissectors.security.candidates import Candidates
from dissectors.security.counters import REPEAT_NS, REPLAYED, CounterUse, FrameCounters
from dissectors.security.key_proofs import KeyProofs
from dissectors.security.verdicts import BAD_MIC, NO_KEY, OK, REPLAY, VERDICTS

__all__ = [
    "CODE_DOES_NOT_MATCH",
    "SecuredLayer",
    "record_counter",
    "record_failure",
    "record_opened",
    "record_proof",
]

CODE_DOES_NOT_MATCH = "the integrity code does not match"


class SecuredLayer(NamedTuple):
    """A layer that may be secured.

    Attributes:
        column: what its columns begin with.
        name: what its issues are reported of.
        counters: what `FrameCounters` calls it.
        patience_ns: within this time equal octets are the same frame again.
    """

    column: str
    name: str
    counters: str
    patience_ns: int = REPEAT_NS


def record_failure(reading: Reading, layer: SecuredLayer, candidates: Candidates) -> None:
    """No key fits: the frame is at fault, or a key is missing."""
    at_fault = candidates.proves_fault(reading.context.state(KeyProofs))
    reading.out.columns[f"{layer.column}_security"] = VERDICTS[BAD_MIC if at_fault else NO_KEY]
    if at_fault:
        reading.issue("warning", layer.name, 0, CODE_DOES_NOT_MATCH)
    reading.set_not_opened(layer.column, candidates.reason(reading.context, at_fault))


def record_opened(reading: Reading, layer: SecuredLayer, key: Key) -> None:
    """`key` opened the frame."""
    reading.out.opened.append((layer.column, key))
    reading.out.columns[f"{layer.column}_key"] = key.origin
    reading.out.columns[f"{layer.column}_security"] = VERDICTS[OK]


def record_proof(reading: Reading, candidates: Candidates, key: Key) -> None:
    """`key` is right for the network, or the pair of devices, that the candidates are of."""
    reading.context.state(KeyProofs).proven.add((candidates.name, key.value))


def record_counter(
    reading: Reading,
    layer: SecuredLayer,
    sender: int,
    scope: bytes,
    counter: int,
    retransmission_id: int,
    offset: int,
) -> None:
    """The sender used `counter` under the key (and with the peer) of `scope`: whether that is a replay.

    Args:
        retransmission_id: what this frame and its repetitions have in common.
        offset: where the counter stands.
    """
    use = CounterUse(reading.raw.number, counter, reading.raw.time_ns, retransmission_id)
    counters = reading.context.state(FrameCounters)
    if counters.replayed(layer.counters, sender, scope, use, layer.patience_ns):
        reading.out.columns[f"{layer.column}_security"] = VERDICTS[REPLAY]
        reading.set_security_reason(layer.column, REPLAYED)
        reading.issue("warning", layer.name, offset, REPLAYED)
