"""One GBCS message, dissected: verdicts at once, the description when somebody asks.

Strategy: reading the layout, the structure of the payload and checking every protection happens in
`dissect_message`. The payload is described at the first look at the items; headers, columns and the notes about names
at the first look at any of these, because a run over many messages often wants the verdicts and some facts only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dissectors.gbcs.envelope import Envelope
from dissectors.gbcs.payloads.payload import Payload
from dissectors.gbcs.trust.verification import OpenedParts
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue
from dissectors.model.message import Message
from dissectors.model.origins import Part

if TYPE_CHECKING:
    from dissectors.gbcs.payloads.cosem import Description
    from dissectors.gbcs.payloads.values import Row

__all__ = ["GbcsMessage"]


class GbcsMessage(Message):
    """A `dissectors.model.message.Message` whose fields, items and columns are made on first use.

    Attributes:
        layout, payload: where everything lies.
        opened: plain octets of the encrypted parts.
        command: the command that this response answers, when it was given.
        lead: the tunnel header in front of the message; empty without one.
    """

    __slots__ = (
        "_columns",
        "_described",
        "_description",
        "_fields",
        "_issues",
        "_items",
        "command",
        "layout",
        "lead",
        "opened",
        "payload",
        "version",
    )

    def __init__(
        self,
        layout: Envelope,
        payload: Payload | None,
        opened: OpenedParts,
        facts: dict[str, Any],
        command: GbcsMessage | None = None,
        version: str | None = None,
        lead: bytes = b"",
    ) -> None:
        self.kind = "gbcs"
        self.octets = lead + layout.octets
        self.lead = lead
        self.facts = facts
        self.layout = layout
        self.payload = payload
        self.opened = opened
        self.command = command
        self.version = version
        self.error: DissectionError | None = None
        self.origins = ()
        self._issues: list[Issue] = []
        self._description: Description | None = None
        self._fields: list[Field] = []
        self._columns: dict[str, Any] | None = None
        self._items: list[Row] | None = None
        self._described = False
        plain = [(index, octets) for index, octets in enumerate(opened.plain) if octets is not None]
        self.buffers = {f"decrypted-{index}": octets for index, octets in plain}
        sealed = payload.sealed if plain and payload is not None else []
        self.parents = {
            f"decrypted-{index}": (Part(0, len(octets), "message", len(lead) + sealed[index][0], True),)
            for index, octets in plain
        }

    def _described_payload(self) -> Description:
        """What the payload says: items need no more than this, nor do fields need items."""
        if self._description is None:
            from dissectors.gbcs.description import describe_payload

            self._description = describe_payload(self)
        return self._description

    def _describe(self) -> None:
        if self._described:
            return
        self._described = True
        from dissectors.gbcs.description import describe

        self._fields, self._issues = describe(self, self._described_payload())

    @property
    def fields(self) -> list[Field]:  # type: ignore[override]
        """The tree of fields; every octet lies in a leaf."""
        self._describe()
        return self._fields

    @property
    def items(self) -> list[Row]:  # type: ignore[override]
        """The values, each with the object that it belongs to."""
        if self._items is None:
            self._items = self._described_payload().items()
            for row in self._items if self.lead else ():
                if row.place is not None and row.place[0] == "message":
                    row.place = "message", row.place[1] + len(self.lead), row.place[2]
        return self._items

    @property
    def issues(self) -> list[Issue]:  # type: ignore[override]
        """What a reader must know."""
        self._describe()
        return self._issues

    @property
    def columns(self) -> dict[str, Any]:  # type: ignore[override]
        """Values for the `messages` table."""
        if self._columns is None:
            from dissectors.gbcs.description import columns_of

            self._columns = columns_of(self)
        return self._columns

    @property
    def outcome(self) -> str | None:
        """Whether what was asked happened: ``success``, ``failure``; None for commands and where nothing says so."""
        from dissectors.gbcs.description import outcome

        return None if "gbt_block" in self.facts else outcome(self)

    def answer_to(self, command: GbcsMessage) -> bool:
        """Take it for the answer to `command`; False where it has been described without."""
        if self._description is None:
            self.command = command
        return self._description is None

    def __repr__(self) -> str:
        return (
            f"GbcsMessage({self.facts.get('use_case')}, {self.facts.get('cra')}, {len(self.octets)} octets)"
        )
