"""Keys that come into question for a secured frame, and what it means when none of them opens it; for every layer.

A frame is at fault (its integrity code is bad) only where a key of its very network or pair of devices is held for
sure, or has opened frames of it before; else a key is missing. The same rule serves one frame and many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dissectors.model.context import HanContext
from dissectors.model.keyring import Key
from dissectors.security.key_proofs import KeyProofs

__all__ = ["Candidates", "Openings", "Unidentified", "open_one"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The keys that may open some frames.

    Attributes:
        name: what `KeyProofs` calls the network, or the pair of devices.
        keys: the best first.
        ciphers: the 16 octets that each of them puts into the cipher.
        eligible: values of those that, once proven, make a failure the frame's fault.
        own: one of them is known to be of this network, proven or not.
    """

    name: tuple[Any, ...]
    keys: tuple[Key, ...] = ()
    ciphers: tuple[bytes, ...] = field(default=(), repr=False)
    eligible: frozenset[bytes] = field(default=frozenset(), repr=False)
    own: bool = False

    def proves_fault(self, proofs: KeyProofs) -> bool:
        """Whether a frame that none of them opens is at fault itself."""
        return self.own or any((self.name, value) in proofs.proven for value in self.eligible)

    def reason(self, context: HanContext, at_fault: bool) -> str:
        """Why a frame that none of them opens is not opened, in a sentence."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Unidentified(Candidates):
    """No keys: it is not known who sent the frame."""

    text: str = ""

    def reason(self, context: HanContext, at_fault: bool) -> str:
        return self.text


@dataclass(slots=True, eq=False, repr=False)
class Openings:
    """What opened frames last, by the name of their candidates: it is tried first (kept in the context)."""

    hits: dict[tuple[object, ...], bytes] = field(default_factory=dict)


def open_one(
    candidates: Candidates, attempt: Callable[[bytes], T | None], openings: Openings | None = None
) -> tuple[Key, T] | None:
    """The first key that opens a frame, and what `attempt` made of its cipher; None when none does.

    Without `openings` the keys are tried in their order, for frames that any key opens.
    """
    hit = None if openings is None else openings.hits.get(candidates.name)
    if hit is not None and hit in candidates.ciphers:
        found = attempt(hit)
        if found is not None:
            return candidates.keys[candidates.ciphers.index(hit)], found
    for key, cipher in zip(candidates.keys, candidates.ciphers, strict=True):
        if cipher != hit:
            found = attempt(cipher)
            if found is not None:
                if openings is not None:
                    openings.hits[candidates.name] = cipher
                return key, found
    return None
