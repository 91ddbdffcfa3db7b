"""GBCS messages whose protection is taken off, or is of another kind than their use case demands; codes that nobody has."""

from __future__ import annotations

from dataclasses import replace

from dissectors.gbcs import GbcsMessage, build, dissect_message, header_of
from dissectors.gbcs.building.build import protect
from tests.analysis.planted.messages import (
    GENERIC,
    GENERIC_CRITICAL,
    READ_REGISTERS,
    READ_VERSION,
    SET_CLOCK,
    Desk,
    alert,
    message_plant,
)
from tests.analysis.planted.recording import Recording

UNKNOWN, OF_A_DISPLAY = 0x0F00, 0x0116


def read(desk: Desk, octets: bytes) -> GbcsMessage:
    return dissect_message(octets, desk.keystore)


def bare(desk: Desk, octets: bytes) -> bytes:
    """The message without signature and MAC."""
    return protect(read(desk, octets), desk.keystore, signature=False, mac=False)


def of_code(desk: Desk, octets: bytes, code: int) -> bytes:
    """The message under another message code, protected anew."""
    message = read(desk, octets)
    return protect(message, desk.keystore, header=replace(header_of(message.layout), message_code=code))


@message_plant("a question without MAC", "non-critical-command-without-mac")
def question_without_mac(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command(READ_VERSION, mac=False))


@message_plant("a question with a signature", "non-critical-command-signed")
def question_signed(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command(READ_VERSION, signed_by_originator=True))


@message_plant("an answer without MAC", "non-critical-response-without-mac")
def answer_without_mac(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        octets = desk.command(READ_VERSION)
        desk.send(octets, planted=False)
        said = build.response(read(desk, octets), keystore=desk.keystore)
        desk.send(bare(desk, said), back=True)


@message_plant("a critical alert without signature", "critical-alert-unsigned")
def alert_unsigned(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(bare(desk, alert(desk, GENERIC_CRITICAL, 0x8F3F)), back=True)


@message_plant("an alert without MAC", "non-critical-alert-without-mac")
def alert_without_mac(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(bare(desk, alert(desk, GENERIC, 0x8002)), back=True)


@message_plant("a part that is encrypted was changed", "decryption-fails")
def sealed_part_changed(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        octets = desk.command(READ_REGISTERS)
        desk.send(octets, planted=False)
        said = bytearray(build.response(read(desk, octets), keystore=desk.keystore))
        sealed = read(desk, bytes(said)).parents["decrypted-0"][0]
        said[sealed.offset] ^= 1 << recording.rng.randrange(8)
        desk.send(bytes(said), back=True)


@message_plant("a message code that GBCS does not have", "message-code-unknown")
def unknown_code(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(of_code(desk, desk.command(READ_VERSION), UNKNOWN))


@message_plant("a signed command of a code that GBCS does not have", "critical-code-unknown")
def unknown_critical_code(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(of_code(desk, desk.command(SET_CLOCK), UNKNOWN))


@message_plant("what a display asks a meter comes as a remote message", "han-only-code-as-message")
def code_of_the_han(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(of_code(desk, desk.command(READ_VERSION), OF_A_DISPLAY))
