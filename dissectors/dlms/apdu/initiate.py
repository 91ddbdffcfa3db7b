"""Initiate request and response, the conformance block, service errors and exceptions.

Source: IEC 62056-5-3 (Green Book), InitiateRequest/Response, ConfirmedServiceError, ExceptionResponse.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from dissectors.dlms.cosem.codes import codes
from dissectors.layout.axdr import LAYER, AxdrPart, Boolean, Flagged, Number, OctetString
from dissectors.layout.tables import table
from dissectors.model.errors import Malformed, Truncated
from dissectors.model.field import Field

__all__ = ["INITIATE_AND_ERRORS", "Conformance"]


@cache
def _bits() -> tuple[tuple[int, str], ...]:
    return tuple((1 << (23 - int(row["bit"])), row["name"]) for row in table("dlms", "conformance_bits"))


class Conformance(NamedTuple):
    """The 24 conformance bits; `short` for the old form whose tag is 5F and not 5F1F."""

    bits: int
    short: bool = False

    @property
    def names(self) -> list[str]:
        """The services that are offered, most significant bit first."""
        return [name for mask, name in _bits() if self.bits & mask]


class ConformanceBlock(AxdrPart):
    """5F1F 04 00 and 3 octets of bits."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[Conformance, int]:
        short = data[pos : pos + 2] != b"\x5f\x1f"
        head = b"\x5f\x04\x00" if short else b"\x5f\x1f\x04\x00"
        stop = pos + len(head) + 3
        if stop > end:
            raise Truncated(stop - pos, end - pos, layer=LAYER, offset=pos)
        if data[pos : pos + len(head)] != head:
            raise Malformed("no conformance block of 24 bits here", layer=LAYER, offset=pos)
        return Conformance(int.from_bytes(data[stop - 3 : stop], "big"), short), stop

    def build(self, value: Any) -> bytes:
        bits, short = value if isinstance(value, tuple) else (int(value), False)
        head = b"\x5f\x04\x00" if short else b"\x5f\x1f\x04\x00"
        return head + int(bits).to_bytes(3, "big")

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        out = Field(self.name, None, ", ".join(value.names), start, end - start, buffer)
        out.children = [
            Field("tag_and_length", "5f 04 00" if value.short else "5f 1f 04 00", "24 bits", start,
                  end - start - 3, buffer),
            Field("bits", value.bits, ", ".join(value.names), end - 3, 3, buffer),
        ]  # fmt: skip
        return out


class Secret(OctetString):
    """Octets that are a key: shown only when asked for."""

    __slots__ = ()

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        return Field(self.name, value, f"{len(value)} octets, a key", start, end - start, buffer, secret=True)


class ServiceFault(AxdrPart):
    """Service error of an exception; invocation-counter-error carries the expected counter."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, int | None], int]:
        if pos >= end:
            raise Truncated(1, 0, layer=LAYER, offset=pos)
        if data[pos] != 6:
            return (data[pos], None), pos + 1
        if pos + 5 > end:
            raise Truncated(4, end - pos - 1, layer=LAYER, offset=pos + 1)
        return (6, int.from_bytes(data[pos + 1 : pos + 5], "big")), pos + 5

    def build(self, value: Any) -> bytes:
        code, counter = value
        return bytes((code,)) + (b"" if counter is None else counter.to_bytes(4, "big"))

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        code, counter = value
        meaning = codes("exception.service-error").get(code)
        if counter is None:
            return Field(self.name, code, meaning, start, 1, buffer)
        out = Field(self.name, None, meaning, start, end - start, buffer)
        out.children = [
            Field("code", code, meaning, start, 1, buffer),
            Field("invocation_counter", counter, "the counter that is expected", start + 1, 4, buffer),
        ]
        return out


class ErrorChoice(AxdrPart):
    """ServiceError: its kind and its code."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, int], int]:
        if pos + 2 > end:
            raise Truncated(2, end - pos, layer=LAYER, offset=pos)
        return (data[pos], data[pos + 1]), pos + 2

    def build(self, value: Any) -> bytes:
        return bytes(value)

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        kind = codes("service-error.choice").get(value[0])
        text = codes(f"service-error.{kind}").get(value[1]) if kind else None
        out = Field(self.name, None, f"{kind}: {text}" if text else kind, start, 2, buffer)
        out.children = [
            Field("kind", value[0], kind, start, 1, buffer),
            Field("code", value[1], text, start + 1, 1, buffer),
        ]
        return out


VERSION = Number("dlms_version")
CONFORMANCE = ConformanceBlock("conformance")
QUALITY = Flagged(Number("quality_of_service", signed=True))


VAA_NAMES = {7: "logical names", 0xFA00: "short names"}
"""Virtual application association names."""

INITIATE_AND_ERRORS: dict[int, tuple[AxdrPart, ...]] = {
    0x01: (
        Flagged(Secret("dedicated_key")),
        Flagged(Boolean("response_allowed"), default=True),
        QUALITY,
        VERSION,
        CONFORMANCE,
        Number("client_max_pdu_size", 2),
    ),
    0x08: (
        QUALITY,
        VERSION,
        CONFORMANCE,
        Number("server_max_pdu_size", 2),
        Number("vaa_name", 2, VAA_NAMES),
    ),
    0x0E: (Number("service", names=codes("confirmed-service-error.service")), ErrorChoice("service_error")),
    0xD8: (Number("state_error", names=codes("exception.state-error")), ServiceFault("service_error")),
}
