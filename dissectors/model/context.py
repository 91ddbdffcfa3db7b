"""What one frame needs to know of the frames before it: passed explicitly, never global."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from dissectors.model.keyring import Keyring

__all__ = ["AddressMap", "HanContext"]

T = TypeVar("T")


@dataclass(slots=True, eq=False, repr=False)
class AddressMap:
    """Which EUI-64 uses a short address, per PAN; last write wins.

    Only frames whose integrity was verified, or that are integrity-checked by nothing but carry both
    addresses in a header that the sender must own (association response, device announce), may change it.
    `first` keeps the first owner of each address, for frames that came before anyone told; `changes` counts
    how often an address got an owner or another one.
    """

    pairs: dict[tuple[int, int], int] = field(default_factory=dict)
    first: dict[tuple[int, int], int] = field(default_factory=dict)
    changes: int = 0

    @staticmethod
    def takes(short: Any, eui64: Any) -> Any:
        """Whether a pair is neither broadcast nor reserved; of arrays, which pairs are."""
        return (short < 0xFFF8) & (eui64 != 0) & (eui64 != 0xFFFFFFFFFFFFFFFF)

    def learn(self, pan: int, short: int, eui64: int, sure: bool = True) -> None:
        """Remember that `short` on `pan` is `eui64`, if it is not `sure` only where nobody has `short` yet.

        Broadcast and reserved addresses are ignored.
        """
        if self.takes(short, eui64) and (sure or (pan, short) not in self.pairs):
            self.changes += self.pairs.get((pan, short)) != eui64
            self.pairs[pan, short] = eui64
            self.first.setdefault((pan, short), eui64)

    def eui64(self, pan: int | None, short: int | None) -> int | None:
        """The extended address of `short` on `pan`, if known."""
        if pan is None or short is None:
            return None
        return self.pairs.get((pan, short))


@dataclass(slots=True, eq=False, repr=False)
class HanContext:
    """Keys, addresses and each layer's own memory (fragments, tunnels, scaling, open requests).

    A layer keeps its memory in a class of its own and gets the instance with `state`:

    >>> class Tunnels(dict): pass
    >>> context = HanContext()
    >>> context.state(Tunnels) is context.state(Tunnels)
    True
    """

    keyring: Keyring = field(default_factory=Keyring)
    addresses: AddressMap = field(default_factory=AddressMap)
    _states: dict[type[Any], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (pan, short), eui64 in self.keyring.addresses.items():
            self.addresses.learn(pan, short, eui64)

    def states(self) -> list[Any]:
        """All instances that were made."""
        return list(self._states.values())

    def state(self, cls: type[T]) -> T:
        """The one instance of `cls` that belongs to this context, made when first asked for."""
        if cls not in self._states:
            self._states[cls] = cls()
        found: T = self._states[cls]
        return found
