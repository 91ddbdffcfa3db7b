"""Opens the sealed payload of one NWK or APS frame, and puts down what became of it; both layers alike.

Sources: ZigBee 05-3474 R22 clauses 4.3.1.2 (NWK), 4.4.1.2 (APS), 4.5.1 (auxiliary header).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from dissectors.crypto.ccm import ccm_open
from dissectors.layout.reading import Ciphertext, Mic, Reading
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Truncated
from dissectors.model.field import Field
from dissectors.model.keyring import Key
from dissectors.security.candidates import Candidates, Openings, open_one
from dissectors.security.counters import RELAY_NS
from dissectors.security.recording import (
    SecuredLayer,
    record_counter,
    record_opened,
    record_proof,
)
from dissectors.zigbee.nwk.headers import AuxHeader

__all__ = [
    "APS",
    "DEFAULT_LEVEL",
    "LEVEL_MIC_OCTETS",
    "MIC_OCTETS",
    "NWK",
    "OpenedFrame",
    "SecuredFrame",
    "levels_of",
    "read_auxiliary",
]

NWK = SecuredLayer("nwk", "zigbee.nwk", "nwk")
APS = SecuredLayer("aps", "zigbee.aps", "aps", RELAY_NS)
DEFAULT_LEVEL = 5
MIC_OCTETS = 4
"""Octets of the integrity code at the default level."""
LEVEL_MIC_OCTETS = (0, 4, 8, 16)


class OpenedFrame(NamedTuple):
    """A payload in clear, the key that opened it, and the security level that fitted."""

    clear: bytes
    key: Key
    level: int


def levels_of(aux: AuxHeader) -> tuple[int, ...]:
    """The security levels to try: 5, which the level bits 0 stand for, then what the bits say."""
    level = aux.bit("level")
    return (DEFAULT_LEVEL,) if level in (0, 4, DEFAULT_LEVEL) else (DEFAULT_LEVEL, level)


def read_auxiliary(
    reading: Reading, layer: SecuredLayer, cursor: Cursor, buffer: str, branch: Field
) -> AuxHeader | None:
    """Read the auxiliary header of a secured frame; None where it or the integrity code is cut off."""
    aux = AuxHeader.read(cursor)
    if aux.error is None and cursor.remaining < MIC_OCTETS:
        aux.error = Truncated(MIC_OCTETS, cursor.remaining, layer=layer.name, offset=cursor.offset)
    if aux.error is not None:
        aux.keep_undissected(cursor)
        reading.out.columns[f"{layer.column}_security"] = "no_key"
        text = f"the {layer.column.upper()} security header or the integrity code is cut off"
        reading.set_not_opened(layer.column, text)
    reading.put(aux, buffer, branch)
    return aux if aux.error is None else None


@dataclass(slots=True, eq=False, repr=False)
class SecuredFrame:
    """A frame whose payload is sealed: the cursor stands behind the auxiliary header, `header_at` is where the header
    begins."""

    layer: SecuredLayer
    header_at: int
    aux: AuxHeader
    cursor: Cursor

    @property
    def digest(self) -> int:
        """The last four octets, which the tables know the frame by."""
        return int.from_bytes(self.cursor.data[self.cursor.end - 4 : self.cursor.end], "little")

    def open(self, context: HanContext, candidates: Candidates, sender: int) -> OpenedFrame | None:
        """The payload in clear; None where no key fits. `sender` is the EUI-64 that the nonce needs."""
        aux, data, end = self.aux, self.cursor.data, self.cursor.end
        prefix, rest = data[self.header_at : aux.start], data[aux.start + 1 : aux.end]
        nonce = sender.to_bytes(8, "little") + aux.frame_counter.to_bytes(4, "little")
        levels = levels_of(aux)

        def attempt(cipher: bytes) -> tuple[bytes, int] | None:
            for level in levels:
                split = end - LEVEL_MIC_OCTETS[level & 3]
                if split < aux.end:
                    continue
                control = bytes([aux.security_control & 0xF8 | level])
                header = prefix + control + rest
                payload, mic = data[aux.end : split], data[split:end]
                if level < 4:
                    if ccm_open(cipher, nonce + control, header + payload, b"", mic) is not None:
                        return payload, level
                else:
                    clear = ccm_open(cipher, nonce + control, header, payload, mic)
                    if clear is not None:
                        return clear, level
            return None

        found = open_one(candidates, attempt, context.state(Openings))
        return None if found is None else OpenedFrame(found[1][0], found[0], found[1][1])

    def put(self, reading: Reading, buffer: str, branch: Field, opened: OpenedFrame | None) -> None:
        """Show ciphertext and integrity code."""
        cursor = self.cursor
        mic = MIC_OCTETS if opened is None else LEVEL_MIC_OCTETS[opened.level & 3]
        reading.put_octets(cursor, buffer, branch, Ciphertext, cursor.remaining - mic)
        reading.put_octets(cursor, buffer, branch, Mic)

    def record(
        self,
        reading: Reading,
        candidates: Candidates,
        opened: OpenedFrame,
        sender: int,
        scope: bytes,
        mark: int = 0,
    ) -> None:
        """Put down what opened the frame, and whether its counter is new.

        Args:
            scope: what the counter belongs to (`dissectors.security.counters`).
            mark: what the frame and its repetitions have in common besides their octets.
        """
        record_opened(reading, self.layer, opened.key)
        if not reading.trusted:
            return
        record_proof(reading, candidates, opened.key)
        again = crc32(self.digest.to_bytes(4, "little"), mark)
        counter = self.aux.frame_counter
        record_counter(reading, self.layer, sender, scope, counter, again, self.aux.start + 1)
