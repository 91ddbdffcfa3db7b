"""All messages of a capture, kept so that each can be read again when somebody looks at it.

Strategy: a message that was read is many times its octets. Of a GBCS message only these are kept, with those of the
command that it answers, and it is read again when it is asked for; a DLMS message needs the conversation that it was
part of, so it is kept as it was read, up to a ceiling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from analysis.pipeline.certificates import moment
from analysis.pipeline.kept import KeptMessage, KeptMessages
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.sinks import Sink
from dissectors import Issue, Message

__all__ = ["MessageStore"]

MOST = 20_000
"""Messages of conversations that are kept as they were read; of further ones nothing is kept."""
MOST_OCTETS = 64 * 1024 * 1024
"""Octets of all others, and what these cost besides; likewise."""
MESSAGE_OCTETS = 1024
"""What a message costs besides its octets, about."""


class _Octets(NamedTuple):
    """What a GBCS message is read from again."""

    octets: bytes
    command: bytes | None
    issues: tuple[Issue, ...]
    origins: Any


class _Every(KeptMessages):
    """Hands on each message."""

    def __init__(self, take: Callable[[KeptMessage], None]) -> None:
        super().__init__()
        self._take = take

    def note(self, one: KeptMessage) -> None:
        self._take(one)

    def __reduce__(self) -> tuple[type[KeptMessages], tuple[()]]:
        """A moment of a live source has no hand on the store: who comes back to it gives it one again."""
        return KeptMessages, ()


class MessageStore(Sink):
    """Keeps the messages of a pass."""

    tables = ("messages",)

    def restart(self, decode_pass: DecodePass) -> None:
        self._pass = decode_pass
        self._of: dict[int, list[int]] = {}
        self._held: dict[int, tuple[KeptMessage, _Octets | None]] = {}
        self._whole = self._size = 0
        decode_pass.session.kept = _Every(self._put)

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        """What comes again takes the place of what was there."""
        self._pass = decode_pass
        decode_pass.session.kept = _Every(self._put)

    def let_go(self, first: int) -> None:
        """Keep nothing of the messages whose frames were all before one."""
        for number in [
            number for number, (one, _) in self._held.items() if max(one.frames, default=0) < first
        ]:
            self._forget(number)

    def _forget(self, number: int) -> None:
        one, again = self._held.pop(number)
        if again is None:
            self._whole -= 1
        else:
            self._size -= MESSAGE_OCTETS + len(again.octets)
        for frame in one.frames:
            left = [other for other in self._of.get(frame, ()) if other != number]
            if left:
                self._of[frame] = left
            else:
                self._of.pop(frame, None)

    def _put(self, one: KeptMessage) -> None:
        if one.message is None:
            return
        if one.message in self._held:
            self._forget(one.message)
        again = _octets_of(one.content)
        if again is None:
            if self._whole >= MOST:
                return
            self._whole += 1
        else:
            self._size += MESSAGE_OCTETS + len(again.octets)
            if self._size > MOST_OCTETS:
                return
        self._held[one.message] = (one if again is None else one._replace(content=NOTHING)), again
        for frame in one.frames:
            self._of.setdefault(frame, []).append(one.message)

    def of(self, frame: int) -> list[int]:
        """Numbers of the messages that `frame` carried a part of."""
        return self._of.get(frame, [])

    def message(self, number: int) -> KeptMessage | None:
        """A message by its number; None where there is none, or too many are kept."""
        held = self._held.get(number)
        if held is None:
            return None
        one, again = held
        return one if again is None else one._replace(content=self._read(again, one.time_ns))

    def _read(self, again: _Octets, time_ns: int | None) -> Message:
        from dissectors import gbcs

        keys, at = self._pass.session.context.keyring.gbcs, moment(time_ns)
        command = None if again.command is None else gbcs.dissect_message(again.command, keys, at=at)
        message: Message = gbcs.dissect_message(again.octets, keys, command=command, at=at)
        message.issues[:] = again.issues
        message.origins = again.origins
        return message


NOTHING = Message("unknown", b"")


def _octets_of(message: Message) -> _Octets | None:
    """What a message can be read from again; None where its octets alone do not tell what it says."""
    if message.kind != "gbcs":
        return None
    command = getattr(message, "command", None)
    return _Octets(
        message.octets, None if command is None else command.octets, tuple(message.issues), message.origins
    )
