"""Whom or what a finding is about, as a value: nobody has to read its sentence again to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["CAPTURE", "CHANNEL", "NETWORK", "Subject", "station_text"]

Kind = Literal["device", "pair", "message", "network", "channel", "capture", "other"]
NO_NAMES: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class Subject:
    """A device, two of them, a message, a network, the channel or the capture.

    Attributes:
        kind: which of these; ``other`` for what a rule of somebody else only says in words.
        stations: its devices: an EUI-64, else ``pan << 16 | short`` (below 2**32); None for an unknown one.
        message: number of the message, as in the `messages` table; None for all messages that `words` names.
        pan: PAN ID of a network; None where only one is meant.
        words: what else is known of it: use case and kind of a message, which frames of the channel. Between two
            devices: ``to`` (one direction) or ``and``.
    """

    kind: Kind
    stations: tuple[int | None, ...] = ()
    message: int | None = None
    pan: int | None = None
    words: str = ""

    @classmethod
    def device(cls, station: Any) -> Subject:
        """One device, by its station; null for an unknown one.

        >>> print(Subject.device(0x90B3D51F30010000), "-", Subject.device(0x1A62 << 16 | 1), "-", Subject.device(None))
        90b3d51f30010000 - 0x0001 in PAN 0x1a62 - an unknown device
        """
        return cls("device", (_whole(station),))

    @classmethod
    def pair(cls, one: Any, other: Any, between: Literal["to", "and"] = "to") -> Subject:
        """Two devices: what the first sends to the other, or both alike."""
        return cls("pair", (_whole(one), _whole(other)), words=between)

    @classmethod
    def of_message(cls, number: Any, *words: object) -> Subject:
        """One message by its number, and what is known of its name.

        >>> print(Subject.of_message(13, "CS02b", "command"))
        message 13 (CS02b command)
        """
        return cls("message", message=int(number), words=" ".join(str(word) for word in words))

    @classmethod
    def messages(cls, words: str) -> Subject:
        """All messages that `words` names: a use case and kind."""
        return cls("message", words=words)

    @classmethod
    def network(cls, pan: Any) -> Subject:
        """The network of a PAN ID.

        >>> print(Subject.network(0x1A62), "-", NETWORK)
        PAN 0x1a62 - network
        """
        return cls("network", pan=_whole(pan))

    @classmethod
    def channel(cls, words: str) -> Subject:
        """Certain frames of the channel, whoever sent them."""
        return cls("channel", words=words)

    @classmethod
    def of(cls, subject: Subject | str) -> Subject:
        """`subject` itself; a text as a subject that is only known by its words."""
        return subject if isinstance(subject, Subject) else cls("other", words=subject)

    def text(self, names: Mapping[int, str] = NO_NAMES) -> str:
        """What a person calls it; `names` are those of devices by EUI-64."""
        if self.stations:
            return f" {self.words} ".join(station_text(one, names) for one in self.stations)
        if self.message is not None:
            return f"message {self.message} ({self.words})" if self.words else f"message {self.message}"
        if self.pan is not None:
            return f"PAN 0x{self.pan:04x}"
        return self.words or self.kind

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        """What is known, by name: ``kind``; ``devices`` (each ``eui64``, or ``pan`` and ``short``, in hex digits);
        ``message``; ``pan``; ``words``."""
        out: dict[str, Any] = {"kind": self.kind}
        if self.stations:
            out["devices"] = [_address(one) for one in self.stations]
        if self.message is not None:
            out["message"] = self.message
        if self.pan is not None:
            out["pan"] = f"{self.pan:04x}"
        if self.words:
            out["words"] = self.words
        return out


NETWORK, CHANNEL, CAPTURE = Subject("network"), Subject("channel"), Subject("capture")


def station_text(station: int | None, names: Mapping[int, str] = NO_NAMES) -> str:
    """What a person calls a station: name and EUI-64, or short address and PAN."""
    if station is None:
        return "an unknown device"
    if station < 1 << 32:
        return f"0x{station & 0xFFFF:04x} in PAN 0x{station >> 16:04x}"
    name = names.get(station)
    return f"{name} ({station:016x})" if name else f"{station:016x}"


def _address(station: int | None) -> dict[str, str]:
    if station is None:
        return {}
    if station < 1 << 32:
        return {"pan": f"{station >> 16:04x}", "short": f"{station & 0xFFFF:04x}"}
    return {"eui64": f"{station:016x}"}


def _whole(value: Any) -> int | None:
    """A whole number; None for every kind of null."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
