"""Who may make which MAC, and who made the one at hand.

A MAC under a key of two parties proves that one of them made it. GBCS names the pairs: commands of remote parties
carry the MAC of the Access Control Broker and the device, under the identifiers of the header; responses and alerts
that of the device and the recipient; what a prepayment display says to the gas meter, and its answer, that of these
two. A MAC that fits under the key of any other pair proves another maker, and is not valid.

Source: GBCS 4.x sections 4.3.3 (keys), 6 (message categories), 7.2.7; use-case annex (SME.C.PPMID-GSME).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dissectors.gbcs.catalogue.names import CRA, use_case
from dissectors.gbcs.envelope import ID_OCTETS, MAC_OCTETS, Envelope
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.trust.protection import Verdict, gmac, message_key

__all__ = ["Mac", "check_mac"]

MOST_SUSPECTS = 64
"""Entities whose keys are tried, to say who made a MAC that is not the right one's."""

_COMMAND = 1
_HAN_ONLY = "SME.C.PPMID-GSME"
_GAS = ("GSME", "GPF")
_HEADER = b"\x11\x00\x00\x00\x00"


class Mac(NamedTuple):
    """The verdict on a MAC.

    Attributes:
        maker: who is proved to have made it (or its counterpart); None where nobody is.
        reason: why it is invalid, or what is missing to judge it; None when it is valid or absent.
    """

    verdict: Verdict
    maker: bytes | None = None
    reason: str | None = None


class _Tag(NamedTuple):
    """What the MAC is over, and the MAC."""

    layout: Envelope
    data: bytes
    tag: bytes

    def fits(self, secrets: tuple[bytes, ...]) -> bool:
        """Was it made under one of the shared `secrets`?"""
        at = self.layout
        for secret in secrets:
            key = message_key(secret, at.originator, at.cra, at.counter, at.recipient)
            if gmac(key, at.originator, self.data)[:MAC_OCTETS] == self.tag:
                return True
        return False


_ABSENT, _NO_KEYS = Mac("absent"), Mac("no_key", reason="no keys are given")


def check_mac(layout: Envelope, keystore: Keystore | None) -> Mac:
    """The verdict on the MAC of a message, and who made it."""
    if layout.ciphering is None:
        return _ABSENT
    if keystore is None:
        return _NO_KEYS
    if layout.mac is None:
        return Mac("invalid", reason="the message ends before its MAC")
    if len(layout.originator) != ID_OCTETS or len(layout.recipient) != ID_OCTETS:
        lengths = f"{len(layout.originator)} and {len(layout.recipient)} octets"
        return Mac(
            "invalid", reason=f"originator and recipient have {lengths}, {ID_OCTETS} each are expected"
        )
    octets, mac = layout.octets, layout.mac
    if octets[layout.ciphering : layout.ciphering + 5] != _HEADER:
        return Mac("invalid", reason="security control and invocation counter are not those of a MAC")
    # security control and the five empty strings of the header, then the whole general-signing APDU
    data = octets[layout.ciphering : layout.ciphering + 1] + octets[1:6] + octets[layout.ciphering + 5 : mac]
    tag = _Tag(layout, data, octets[mac : mac + MAC_OCTETS])
    if _between_devices(layout):
        return _of_pair(tag, keystore, _barred_between_devices(layout, keystore))
    if layout.cra == _COMMAND:
        return _of_broker(tag, keystore)
    return _of_pair(tag, keystore, _barred_answer(layout, keystore))


def _between_devices(layout: Envelope) -> bool:
    row = use_case(layout.message_code)
    return row is not None and row.category == _HAN_ONLY


def _called(keystore: Keystore, entity: bytes) -> str:
    role = keystore.kind(entity)[1]
    return f"{entity.hex()} ({role})" if role else entity.hex()


# --- responses, alerts, and what devices say to each other


def _of_pair(tag: _Tag, keystore: Keystore, barred: str | None) -> Mac:
    """Between originator and recipient themselves; `barred`: why these two may not make such a MAC."""
    one, other = tag.layout.originator, tag.layout.recipient
    secrets = keystore.secrets(one, other)
    if tag.fits(secrets):
        return Mac("valid", one) if barred is None else Mac("invalid", one, barred)
    for suspect in _suspects(keystore, one, other):
        if suspect != one and tag.fits(keystore.secrets(suspect, other)):
            text = (
                f"made by {_called(keystore, suspect)}, who is not entitled: only {_called(keystore, one)} is"
            )
            return Mac("invalid", suspect, text)
        if suspect != other and tag.fits(keystore.secrets(one, suspect)):
            return Mac(
                "invalid", one, f"made for {_called(keystore, suspect)}, not for {_called(keystore, other)}"
            )
    if secrets:
        return Mac("invalid", reason=f"it does not fit under the key of {one.hex()} and {other.hex()}")
    return Mac("no_key", reason=_wanted(keystore, one, other))


def _barred_answer(layout: Envelope, keystore: Keystore) -> str | None:
    """Responses and alerts go from a device to a remote party (GBCS 6)."""
    kind = CRA.get(layout.cra, "message")
    one, other = layout.originator, layout.recipient
    if keystore.kind(one)[0] == "party":
        return (
            f"made by {_called(keystore, one)}, who is not entitled: only a device makes the MAC of a {kind}"
        )
    if keystore.kind(other)[0] == "device":
        return f"made for {_called(keystore, other)}: a {kind} goes to a remote party"
    return None


def _barred_between_devices(layout: Envelope, keystore: Keystore) -> str | None:
    """A display and the gas meter: the display sends the command, the meter answers it."""
    display, meter = layout.originator, layout.recipient
    if layout.cra != _COMMAND:
        display, meter = meter, display
    for entity, roles in ((display, ("PPMID",)), (meter, _GAS)):
        kind, role = keystore.kind(entity)
        if kind == "party" or (kind == "device" and role != "device" and role not in roles):
            text = f"made between {_called(keystore, display)} and {_called(keystore, meter)}"
            return f"{text}, who are not entitled: only a PPMID and the GSME are"
    return None


# --- commands


def _of_broker(tag: _Tag, keystore: Keystore) -> Mac:
    """The Access Control Broker's key; the identifiers in the key derivation stay those of the header."""
    recipient, brokers = tag.layout.recipient, keystore.brokers()
    held = False
    for broker in brokers:
        secrets = keystore.secrets(broker, recipient)
        held = held or bool(secrets)
        if broker != recipient and tag.fits(secrets):
            return Mac("valid", broker)
    found = _maker(tag, keystore, brokers)
    if found is not None:
        return found
    if held:
        return Mac(
            "invalid", reason=f"it does not fit under the key of {brokers[0].hex()} and {recipient.hex()}"
        )
    if not brokers:
        text = "the Access Control Broker is not known: give access_control_broker in [gbcs] of keys.toml, or its"
        return Mac("no_key", reason=f"{text} certificate (role 4)")
    return Mac("no_key", reason=_wanted(keystore, brokers[0], recipient))


def _maker(tag: _Tag, keystore: Keystore, brokers: tuple[bytes, ...]) -> Mac | None:
    """Who else made the MAC of a command, as far as the keys that are held can tell."""
    recipient = tag.layout.recipient
    for suspect in _suspects(keystore, tag.layout.originator, recipient):
        if suspect not in brokers and tag.fits(keystore.secrets(suspect, recipient)):
            who = _called(keystore, suspect)
            if brokers or keystore.kind(suspect)[0] or suspect == recipient:
                text = f"made by {who}, who is not entitled: only the Access Control Broker makes the MAC of a command"
                return Mac("invalid", suspect, text)
            text = f"made by {who}, of whom nobody says that it is the Access Control Broker"
            return Mac(
                "no_key", reason=f"{text}: give access_control_broker in [gbcs] of keys.toml, if it is"
            )
        for broker in brokers:
            if suspect != recipient and tag.fits(keystore.secrets(broker, suspect)):
                text = f"made for {_called(keystore, suspect)}, not for {_called(keystore, recipient)}"
                return Mac("invalid", broker, text)
    return None


def _suspects(keystore: Keystore, *first: bytes) -> Iterator[bytes]:
    """Whose keys to try: the parties of the message, then others whose keys are held; no more than a few dozen."""
    held = keystore.agreeing()
    yield from [entity for entity in first if entity in held]
    yield from [entity for entity in held[:MOST_SUSPECTS] if entity not in first]


def _wanted(keystore: Keystore, one: bytes, other: bytes) -> str:
    """What is missing for the key of two parties."""
    held = [(entity, keystore.private_keys(entity, "keyAgreement")) for entity in (one, other)]
    private = next((entity for entity, keys in held if keys), None)
    if private is None:
        return (
            f"no private key agreement key of {_called(keystore, one)} or {_called(keystore, other)} is held"
        )
    lacking = other if private == one else one
    return f"no key agreement certificate of {_called(keystore, lacking)} is held"
