"""Opened layers closed again after a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scapy.packet import Packet

from dissectors.crypto.crc import crc16
from dissectors.scapy.frames import Opened
from dissectors.scapy.layers import LayoutPacket
from dissectors.zigbee.security.candidates import DERIVED
from dissectors.zigbee.security.sealing import seal

__all__ = ["sealed"]


def sealed(packet: Packet) -> Packet:
    """A copy of a stack whose sealed octets say what its opened layers say now, each under the key that opened it.

    The frame check sequence is made anew, too. Raises ValueError where a layer was opened that cannot be closed
    here (MAC security, integrity codes without encryption).
    Source: ZigBee 05-3474 R22 clauses 4.3.1.1 (NWK), 4.4.1.1 (APS).
    """
    out: Packet = packet.copy()
    layers = list(_stacked(out))
    opened = [one for one in layers if isinstance(one, Opened) and one.key is not None]
    closed = list(_envelopes(layers))
    if len(closed) < len(opened) or out.haslayer("802.15.4 security"):
        raise ValueError("a layer of this frame was opened that cannot be closed here")
    for (header, aux, ciphertext, mic), inner in zip(
        reversed(closed[: len(opened)]), reversed(opened), strict=True
    ):
        _close(header, aux, ciphertext, mic, inner, layers)
    trailer = next((one for one in layers if isinstance(one, LayoutPacket) and "fcs" in one.fields), None)
    if trailer is not None and out.haslayer("FCS"):
        trailer.fcs = crc16(bytes(out)[:-2])
    return out


def _stacked(packet: Packet) -> Iterator[Packet]:
    while packet:
        yield packet
        packet = packet.payload


def _envelopes(layers: Iterable[Packet]) -> Iterator[tuple[Packet, Packet, Packet, Packet]]:
    """Header, auxiliary header, sealed octets and integrity code of each secured layer, outermost first."""
    header = aux = ciphertext = None
    for one in layers:
        if one.name in ("ZigBee NWK", "ZigBee APS"):
            header, aux, ciphertext = one, None, None
        elif one.name == "ZigBee security":
            aux = one
        elif one.name == "Encrypted":
            ciphertext = one
        elif one.name == "MIC" and header is not None and aux is not None and ciphertext is not None:
            yield header, aux, ciphertext, one
            aux = None


def _close(
    header: Packet, aux: Packet, ciphertext: Packet, mic: Packet, inner: Opened, layers: list[Packet]
) -> None:
    key, sender = inner.key, aux.fields.get("source")
    if key is None or sender is None:
        raise ValueError("the sender's EUI-64 is not in the frame, so that its nonce is not known here")
    derive = DERIVED.get(aux.layer().bit("key_id")) if header.name == "ZigBee APS" else None
    front, behind = header.self_build(), aux.self_build()
    whole = seal(front, aux.layer(), inner.clear(), derive(key.value) if derive else key.value, sender)
    body = whole[len(front) + len(behind) :]
    size = len(mic.fields["mic"])
    ciphertext.ciphertext, mic.mic = body[:-size], body[-size:]
