"""A message in a line, in the words of the field: use case, who to whom, and what was proved or answered.

Nothing is said of a signature or MAC that was not proved to be wrong.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from analysis.keys.remote_parties import remote_parties
from dissectors import Keyring, Message

__all__ = ["Line", "Parties", "head_line", "message_line"]

BLOCK = b"\xdd\x09"


class Parties(dict[str, str]):
    """What people call devices and remote parties, by EUI-64 in hex digits."""

    @classmethod
    def of(cls, keyring: Keyring) -> Parties:
        """All that keys.toml and its certificates name."""
        named = [*keyring.devices.values(), *remote_parties(keyring)]
        return cls({f"{one.eui64:016x}": one.name or one.role for one in named if one.name or one.role})

    def text(self, eui64: Any) -> str:
        """The name of one; its EUI-64 where it has none."""
        return self.get(str(eui64), str(eui64))


class Line(NamedTuple):
    """A message in a line, in two parts: what it is, and what there is to say of it; pieces are counted in between,
    behind `joint`."""

    what: str
    rest: str = ""
    joint: str = " "

    def piece(self, place: int, total: int | None, word: str = "fragment") -> str:
        """The line of one of its pieces.

        >>> Line("ECS17b response", ", Electricity meter to Supplier").piece(2, 3)
        'ECS17b response 2 of 3 fragments, Electricity meter to Supplier'
        """
        if total == 1:
            return self.what + self.rest
        count = f"{place} of {total} {word}s" if total else f"{word} {place}"
        return f"{self.what}{self.joint}{count}{self.rest}"


def message_line(message: Message, parties: Parties) -> Line | None:
    """A message that was read; None where it says nothing of itself.

    >>> from dissectors.gbcs import dissect_message
    >>> message_line(dissect_message(b""), Parties())
    """
    if message.kind != "gbcs":
        text = message.columns.get("summary") or message.columns.get("name")
        return Line(str(text)) if text else None
    line, said = _heading(message.facts, parties), _said(message)
    return line and line._replace(rest=line.rest + (f": {', '.join(said)}" if said else ""))


def head_line(head: bytes, parties: Parties) -> Line | None:
    """The first octets of a GBCS message that is not whole; None where they do not tell what it is."""
    if not head:
        return None
    from dissectors.gbcs import dissect_message, routing_facts

    facts = routing_facts(head) if head[:2] == BLOCK else dissect_message(head).facts
    return _heading(facts, parties) if facts.get("use_case") else None


def _heading(facts: dict[str, Any], parties: Parties) -> Line | None:
    """Use case, kind, and who to whom."""
    if not facts.get("originator"):
        return None
    code = facts.get("message_code")
    unknown = "GBCS" if code is None else f"message code {code:04x}"
    block = f" block {facts['gbt_block']}" if facts.get("gbt_block") is not None else ""
    return Line(
        f"{facts.get('use_case') or unknown} {facts.get('cra') or 'message'}{block}",
        f", {parties.text(facts['originator'])} to {parties.text(facts['recipient'])}",
        ", " if block else " ",
    )


def _said(message: Message) -> list[str]:
    """What was proved of it, and what it answers or tells."""
    from dissectors.gbcs import GbcsMessage, alert_name

    facts, said = message.facts, []  # its columns would ask for its fields
    if facts.get("signature") == "invalid":
        said.append("signature invalid")
    if facts.get("mac") == "invalid":
        said.append("MAC invalid")
    alert = facts.get("alert_code")
    if alert is not None:
        said.append(alert_name(alert) or f"alert {alert:04x}")
    done = message.outcome if isinstance(message, GbcsMessage) else None
    if done:
        said.append(done)
    return said
