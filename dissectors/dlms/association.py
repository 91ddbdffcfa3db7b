"""What one conversation remembers: titles, keys, open requests, blocks, columns, scalers, short names.

Everything in here is bounded: a peer that never finishes what it began cannot fill the memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from dissectors.dlms.cosem.obis import Target
from dissectors.dlms.counters import InvocationCounters
from dissectors.model.keyring import DlmsKeys

__all__ = ["Association", "Bounded", "Direction", "Request", "Scaler"]

Direction = str
"""``"to-server"``, ``"to-client"`` or ``""`` when it is not known."""

K = TypeVar("K")
V = TypeVar("V")
MAX_ENTRIES = 4096
MAX_TRANSFER = 16 * 1024 * 1024
MAX_DEDICATED = 16
"""Dedicated keys that are learnt; each is tried on what follows."""


class Bounded(OrderedDict[K, V], Generic[K, V]):
    """A dictionary that forgets its oldest entry beyond `MAX_ENTRIES`."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > MAX_ENTRIES:
            self.popitem(last=False)


class Scaler(NamedTuple):
    """Value = raw * 10 ** exponent, in `unit`."""

    exponent: int
    unit: str


class Request(NamedTuple):
    """A request that waits for its answer: the service, its targets, and their selections (or None)."""

    service: str
    targets: list[Target]
    selections: list[Any]


@dataclass(slots=True)
class Blocks:
    """A transfer in blocks: what came so far, by number."""

    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    last: int | None = None
    detail: Any = None

    def add(self, number: int, octets: bytes, last: bool) -> bool:
        """Keep a block; False when the transfer grew beyond `MAX_TRANSFER` and was dropped."""
        if number not in self.parts:
            self.size += len(octets)
        self.parts[number] = octets
        if last:
            self.last = number
        if self.size > MAX_TRANSFER or len(self.parts) > 0x10000:
            self.parts.clear()
            self.size = 0
            return False
        return True

    @property
    def missing(self) -> list[int]:
        """The first few block numbers that are not there, up to the last one known; 0 may or may not come."""
        top = self.last if self.last is not None else max(self.parts, default=0)
        if top - sum(1 for n in self.parts if 0 < n <= top) <= 0:
            return []
        return list(islice((n for n in range(1, top + 1) if n not in self.parts), 8))

    @property
    def whole(self) -> bytes | None:
        """All octets in order of block number; None while a block is missing."""
        if self.last is None or self.missing:
            return None
        return b"".join(self.parts[n] for n in sorted(self.parts) if n <= self.last)


@dataclass(slots=True)
class Association:
    """The memory of one conversation between a client and a server.

    Attributes:
        keys: held keys; a dedicated key that is seen in an opened Initiate is added.
        titles: system title by direction of sending; `other_titles` those whose direction is not known.
        mechanism, challenges: authentication in progress; challenges by the direction they were sent in.
        requests: by (invoke id).
        columns: capture objects of a profile, by its OBIS code; scalers by (class, OBIS code).
        short_names: base name to (class, OBIS octets) from the object list.
    """

    keys: list[DlmsKeys] = field(default_factory=list)
    titles: dict[Direction, bytes] = field(default_factory=dict)
    other_titles: list[bytes] = field(default_factory=list)
    mechanism: str = "none"
    challenges: dict[Direction, bytes] = field(default_factory=dict)
    counters: InvocationCounters = field(default_factory=InvocationCounters)
    requests: Bounded[int, Request] = field(default_factory=Bounded)
    transfers: Bounded[tuple[str, Direction, int], Blocks] = field(default_factory=Bounded)
    columns: Bounded[str, list[Target]] = field(default_factory=Bounded)
    periods: Bounded[str, int] = field(default_factory=Bounded)
    scalers: Bounded[tuple[int, str], Scaler] = field(default_factory=Bounded)
    short_names: Bounded[int, tuple[int, bytes]] = field(default_factory=Bounded)
    last_read: list[Any] = field(default_factory=list)
    dedicated: int = 0
    _sorted_names: tuple[int, ...] = ()

    @property
    def waiting(self) -> int:
        """Octets of transfers in blocks that are not whole."""
        return sum(one.size for one in self.transfers.values())

    @classmethod
    def with_keys(cls, keys: Sequence[DlmsKeys]) -> Association:
        """A new association that holds `keys`."""
        return cls(keys=list(keys))

    def learn_title(self, title: bytes, direction: Direction) -> None:
        """Remember the system title of who sends in `direction`."""
        if len(title) != 8 or not any(title):
            return
        if direction:
            self.titles[direction] = title
        elif title not in self.other_titles[:8]:
            self.other_titles.insert(0, title)
            del self.other_titles[8:]

    def titles_for(self, direction: Direction) -> list[bytes]:
        """Titles that a sender in `direction` may have, the likeliest first."""
        own = [self.titles[direction]] if direction in self.titles else []
        return own + [t for t in (*self.titles.values(), *self.other_titles) if t not in own]

    def learn_short_name(self, base: int, class_id: int, octets: bytes) -> None:
        """Remember which object has the short name `base`."""
        self.short_names[base] = class_id, octets
        self._sorted_names = ()

    def short_name_before(self, name: int) -> int | None:
        """The greatest base name that is not above `name`."""
        if len(self._sorted_names) != len(self.short_names):
            self._sorted_names = tuple(sorted(self.short_names))
        place = bisect_right(self._sorted_names, name)
        return self._sorted_names[place - 1] if place else None

    def learn_dedicated_key(self, key: bytes) -> None:
        """Hold a dedicated key that came in an opened Initiate request."""
        if len(key) not in (16, 32) or any(entry.dedicated_key == key for entry in self.keys):
            return
        known = next((entry.authentication_key for entry in self.keys if entry.authentication_key), None)
        self.keys.append(DlmsKeys(authentication_key=known, dedicated_key=key))
        self.dedicated += 1
        if self.dedicated > MAX_DEDICATED:  # those that were learnt stand behind those that were given
            del self.keys[-MAX_DEDICATED - 1]
