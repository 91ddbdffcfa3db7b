"""The state of a pass at one moment, to come back to.

Strategy: the state is pickled, which takes the C of the library a millisecond or two; it is read again only when somebody
comes back. What never changes once it is there (messages, certificates, keys of a library), and what only grows and
changes no result (words of columns, texts of summaries), is shared by all copies rather than copied.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from analysis.pipeline.session import Session
from analysis.tables.vocabulary import Vocabulary
from dissectors import Message
from dissectors.gbcs import Keystore
from dissectors.zigbee import SummaryWords

__all__ = ["Checkpoint"]

SHARED = (Message, Keystore, Vocabulary, SummaryWords)
LIBRARIES = ("cryptography", "asn1crypto")
"""Objects of these libraries never change; many of them cannot be pickled."""


class Checkpoint:
    """A session as it was when this was made."""

    def __init__(self, session: Session) -> None:
        self._shared: list[Any] = []
        octets = io.BytesIO()
        pickler = _Pickler(octets, 5)
        pickler.shared = self._shared
        pickler.dump(session)
        self._octets = octets.getvalue()

    def __len__(self) -> int:
        """Octets that it takes."""
        return len(self._octets)

    def session(self) -> Session:
        """The session again; one of its own each time."""
        unpickler = _Unpickler(io.BytesIO(self._octets))
        unpickler.shared = self._shared
        found: Session = unpickler.load()
        return found


class _Pickler(pickle.Pickler):
    shared: list[Any]

    def persistent_id(self, one: Any) -> int | None:
        kind = type(one)
        if not isinstance(one, SHARED) and kind.__module__.split(".")[0] not in LIBRARIES:
            return None
        self.shared.append(one)
        return len(self.shared) - 1


class _Unpickler(pickle.Unpickler):
    shared: list[Any]

    def persistent_load(self, number: Any) -> Any:
        return self.shared[number]
