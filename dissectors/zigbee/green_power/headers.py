"""The Green Power stub header.

Sources: ZigBee Green Power 14-0563 clauses A.1.4.1 (NWK protocol version 3), A.1.5.4 (security), A.4.2 (commands).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dissectors.crypto.ccm import ccm_open
from dissectors.crypto.mmo import hmac_mmo
from dissectors.layout import Bits, Layer, UInt, Word
from dissectors.layout.tables import names
from dissectors.model.context import HanContext
from dissectors.model.keyring import Key, Keyring
from dissectors.security.candidates import Candidates, Unidentified
from dissectors.zigbee.nwk.headers import PACKAGE

__all__ = [
    "WITHDRAWN",
    "GreenPowerCommandId",
    "GreenPowerHeader",
    "command_name",
    "green_power_candidates",
    "green_power_keys",
    "open_green_power",
]

LAYER = "green power"
SRC_ID, GPD_EUI64 = 0, 2
MAINTENANCE = 1
ENCRYPTED = 3
CONTROL_FROM, CONTROL_TO = (b"\x05",), (b"\xc5", b"\xa3")
"""The last octet of the nonce, the security control (A.1.5.4.2): level 101, and for what is sent to devices that are
named by their EUI-64 the upper two bits. Stacks of two makers send C5 there; the second is the same bits the other way
round, as another stack and an analyser have it. The integrity code says which of them was meant."""
WITHDRAWN_LEVEL = 1


def has_src_id(h: Any) -> bool:
    if h.bit("frame_type") == MAINTENANCE and not h.bit("extension"):
        return False
    return bool(h.bit("application") == SRC_ID)


class GreenPowerHeader(Layer):
    name = "Green Power"
    title = "green_power"
    parts = [
        Word(
            "frame_control",
            0x0C,
            1,
            (
                Bits("frame_type", 0, 2, names(PACKAGE, "gp_frame_type")),
                Bits("version", 2, 4, names(PACKAGE, "nwk_version")),
                Bits("auto_commissioning", 6, 1),
                Bits("extension", 7, 1),
            ),
        ),
        Word(
            "extended_control",
            0,
            1,
            (
                Bits("application", 0, 3, names(PACKAGE, "gp_application")),
                Bits("security_level", 3, 2, names(PACKAGE, "gp_security_level")),
                Bits("individual_key", 5, 1),
                Bits("rx_after_tx", 6, 1),
                Bits("direction", 7, 1, names(PACKAGE, "gp_direction")),
            ),
            when=lambda h: h.bit("extension"),
        ),
        UInt("src_id", 0, 4, when=has_src_id, names=lambda v: f"0x{v:08x}"),
        UInt("endpoint", 0, 1, when=lambda h: h.bit("application") == GPD_EUI64),
        UInt("frame_counter", 0, 4, when=lambda h: h.bit("security_level") > 1),
    ]

    def bit(self, name: str) -> int:
        # Without an extended control its parts are 0: SrcID, no security.
        if self.bit_of[name][0] == "extended_control" and not super().bit("extension"):
            return 0
        return super().bit(name)

    @property
    def mic_octets(self) -> int:
        """Octets of the integrity code behind the payload."""
        return (0, 2, 4, 4)[self.bit("security_level")]


def command_name(code: int) -> str:
    """What a command is called, as the Green Power cluster lists them; empty for a code that it does not know."""
    from dissectors.zcl.meanings import label_of

    label = label_of("GpGpdf", code)
    return "" if label.startswith(("unknown", "invalid")) else label


class GreenPowerCommandId(Layer):
    name = "Green Power command"
    title = "green_power_command"
    parts = [UInt("command", 0x20, 1, names=lambda v: command_name(v) or "unknown command")]


def green_power_keys(keyring: Keyring, source_id: int | None) -> Iterator[tuple[Key, bytes]]:
    """Keys that may open a frame of a device, with the 16 octets that go into the cipher: those given for it, shared
    ones and the keys that are derived from them for it, then network keys and the group keys derived from these
    (A.1.5.3)."""
    given = [k for k in keyring.of_kind("green-power") if k.source_id in (None, source_id)]
    own = b"" if source_id is None else source_id.to_bytes(4, "little")
    for key in sorted(given, key=lambda k: k.source_id is None):
        yield key, key.value
        if key.source_id is None and own:
            yield key, hmac_mmo(key.value, own)
    for key in keyring.of_kind("network"):
        group = hmac_mmo(key.value, b"ZGP")
        yield key, key.value
        yield key, group
        if own:
            yield key, hmac_mmo(group, own)


@dataclass(frozen=True, slots=True)
class GreenPowerCandidates(Candidates):
    """Keys that may open the frames of a Green Power device; none of them is known to be its own."""

    def reason(self, context: HanContext, at_fault: bool) -> str:
        source_id, tried = self.name[1], len(self.ciphers)
        whose = f"SrcID 0x{source_id:08x}" if source_id is not None else "this device"
        held = f"none of the {tried} keys that are held opens it" if tried else "none is held"
        return f"the Green Power key of {whose} is missing ([[green_power_key]]): {held}"


WITHDRAWN: Candidates = Unidentified(
    (LAYER,), text="security level 1 of Green Power is withdrawn and not opened"
)


def green_power_candidates(keyring: Keyring, source_id: int | None) -> Candidates:
    """The keys that may open frames of a device, each with what it puts into the cipher."""
    pairs = tuple(green_power_keys(keyring, source_id))
    keys, ciphers = (tuple(part) for part in zip(*pairs, strict=True)) if pairs else ((), ())
    return GreenPowerCandidates((LAYER, source_id), keys, ciphers)


def open_green_power(
    header: GreenPowerHeader, key: bytes, eui64: int | None, octets: bytes, payload: bytes, mic: bytes
) -> bytes | None:
    """The payload in clear; None where the integrity code does not match (A.1.5.4: CCM*, nonce of source address,
    frame counter and a fixed security control; integrity only: the payload is authenticated with the header).

    Args:
        eui64: of a device that has no SrcID.
        octets: of the header, as sent.
    """
    to_device = bool(header.bit("direction"))
    source_id = header.get("src_id")
    if source_id is not None:
        short = source_id.to_bytes(4, "little")
        address = (bytes(4) if to_device else short) + short
    elif eui64 is not None:
        address = eui64.to_bytes(8, "little")
    else:
        return None
    start = address + header.frame_counter.to_bytes(4, "little")
    for control in CONTROL_TO if to_device and source_id is None else CONTROL_FROM:
        if header.bit("security_level") == ENCRYPTED:
            clear = ccm_open(key, start + control, octets, payload, mic)
        else:
            clear = ccm_open(key, start + control, octets + payload, b"", mic)
            clear = None if clear is None else payload
        if clear is not None:
            return clear
    return None
