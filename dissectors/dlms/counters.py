"""Invocation counters per sender and key: what repeats, steps back or uses an IV twice.

Source: IEC 62056-5-3 (Green Book), clause on the invocation counter: strictly rising for one key.
NIST SP 800-38D section 8: the same IV with another plain text breaks AES-GCM.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from dissectors.model.field import Issue

__all__ = ["InvocationCounters"]

LAYER = "dlms.security"
_REMEMBERED = 4096
_ALL_REMEMBERED = 262_144
"""Counters of all series; the series that was used first is forgotten first."""


@dataclass(slots=True)
class _Series:
    last: int
    seen: OrderedDict[int, bytes] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class InvocationCounters:
    """What was sent under each (system title, kind of key): the last counter, digests of recent messages."""

    series: OrderedDict[tuple[bytes, str], _Series] = field(default_factory=OrderedDict)
    remembered: int = 0

    def observe(self, title: bytes, key: str, counter: int, octets: bytes, offset: int = 0) -> list[Issue]:
        """Note one protected message; what is wrong with its counter, if anything.

        Args:
            title: the sender's system title, or anything else that names sender and direction.
            key: the kind of key (``"global"``, ``"dedicated"``, ``"broadcast"``).
            octets: the protected octets, to tell a retransmission from a re-used IV.
        """
        digest = hashlib.sha256(octets).digest()[:8]
        series = self.series.get((title, key))
        if series is None:
            self.series[title, key] = _Series(counter, OrderedDict({counter: digest}))
            self.remembered += 1
            self._forget()
            return []
        self.series.move_to_end((title, key))
        text, severity = "", "warning"
        if counter in series.seen:
            same = series.seen[counter] == digest
            text = f"invocation counter {counter} repeated" + (
                " with the same octets (retransmission or replay)" if same else ": the IV is used twice"
            )
            severity = "warning" if same else "error"
        elif counter <= series.last:
            text = f"invocation counter steps back from {series.last} to {counter}"
        series.last = max(series.last, counter)
        self.remembered += counter not in series.seen
        series.seen[counter] = digest
        if len(series.seen) > _REMEMBERED:
            series.seen.popitem(last=False)
            self.remembered -= 1
        self._forget()
        return [Issue(severity, LAYER, offset, text)] if text else []  # type: ignore[arg-type]

    def _forget(self) -> None:
        while self.remembered > _ALL_REMEMBERED and len(self.series) > 1:
            self.remembered -= len(self.series.popitem(last=False)[1].seen)
