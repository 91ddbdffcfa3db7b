"""Messages as an attacker makes them, and the question whether one would be believed.

Every forgery is built from an honest message by other means than the builder's: parts are cut and put together
again, signed and authenticated with keys that the maker may hold. `believed` asks for what the use case demands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from captures.simulated.remote.smki import Smki
from dissectors.gbcs import Keystore, build, dissect_message
from dissectors.gbcs.building.rebuilding import header_of
from dissectors.gbcs.building.templates import command_payload, has_template, response_payload
from dissectors.gbcs.catalogue.names import (
    mac_demanded,
    originator_roles,
    role_title,
    signature_demanded,
    use_cases,
)
from dissectors.gbcs.envelope import MAC_OCTETS, Envelope, read_envelope
from dissectors.gbcs.payloads.building import notification
from dissectors.gbcs.sealing import MessageHeader, authenticated, grouping, sign, signed

START = 1_767_571_200  # 2026-01-05
AT = datetime.fromtimestamp(START + 86_400, UTC)
PARTIES = {bytes.fromhex(f"f0a9e00000000{n:03x}"): n for n in (1, 2, 3, 4, 5, 6, 8)}
BY_ROLE = {role_title(role): entity for entity, role in PARTIES.items()}
BROKER, SUPPLIER, OPERATOR = (
    BY_ROLE[name] for name in ("Access Control Broker", "Supplier", "Network Operator")
)
OTHER_SUPPLIER = bytes.fromhex("f0a9e00000000102")
ESME, GSME, GPF, CHF, PPMID, HCALCS = DEVICES = tuple(bytes.fromhex(f"f0a9e0de0000000{n}") for n in range(6))
NAMED = dict(zip(DEVICES, ("ESME", "GSME", "GPF", "CHF", "PPMID", "HCALCS"), strict=True))
NEEDS_CERTIFICATE = 0x000B
USES = ("digitalSignature", "keyAgreement")


def smki() -> Smki:
    """All parties and devices of the forgers' world, each with its keys."""
    made = Smki(4711, START, BROKER)
    for entity, role in {**PARTIES, OTHER_SUPPLIER: 2}.items():
        made.enrol(entity, role, *USES)
    for entity in DEVICES:
        made.enrol(entity, None, *USES)
    return made


def keystore(made: Smki, *, roots: bool = True, roles: bool = True) -> Keystore:
    """What a careful reader holds: every certificate, every private key, the root; no broker is configured."""
    store = Keystore()
    for entity in made.roles:
        for use in USES:
            store.add_certificate(made.certificate(entity, use))
            for key in made.keystore.private_keys(entity, use):
                store.add_scalar(entity, use, key.private_numbers().private_value)
    if roots:
        store.add_root(made.root())
    if roles:
        store.name_roles(NAMED)
    return store


def codes() -> list[int]:
    """Message codes of commands that can be built."""
    return [c for c in sorted(use_cases()) if has_template(c) and c != NEEDS_CERTIFICATE and _is_command(c)]


def _is_command(code: int) -> bool:
    row = use_cases()[code]
    return (
        not row.category.startswith("SME.A") and "lert" not in row.title and row.category != "ZSE specified"
    )


def between_devices(code: int) -> bool:
    return use_cases()[code].category == "SME.C.PPMID-GSME"


def originator(code: int) -> bytes:
    """Somebody who may send the command."""
    if between_devices(code):
        return PPMID
    roles = originator_roles(code)
    return SUPPLIER if not roles or "Supplier" in roles else BY_ROLE[min(roles)]


def command(store: Keystore, code: int) -> bytes:
    """An honest command."""
    to = GSME if between_devices(code) else ESME
    return build.command(code, originator=originator(code), recipient=to, counter=START << 32, keystore=store)


def response(store: Keystore, code: int) -> bytes:
    """An honest response to it."""
    return build.response(dissect_message(command(store, code), store), keystore=store)


ALERTS = [c for c in sorted(use_cases()) if signature_demanded(c, 3) is not None and not has_template(c)]
"""Message codes of alerts."""


def alert(store: Keystore, code: int) -> bytes:
    """An honest alert."""
    payload = notification(("structure", [("long-unsigned", 0x8F66), ("octet-string", bytes(12))]), 7)
    return build.alert(
        code, originator=ESME, recipient=SUPPLIER, counter=START << 32, payload=payload, keystore=store
    )


def believed(octets: bytes, store: Keystore, at: datetime | None = AT) -> bool:
    """Is everything there that the use case demands, and does nothing speak against it?"""
    facts = dissect_message(octets, store, at=at).facts
    code, cra = facts["message_code"], {"command": 1, "response": 2, "alert": 3}.get(facts["cra"], 0)
    if "invalid" in (facts["signature"], facts["mac"]) or facts["trust"] == "untrusted":
        return False
    if "valid" not in (facts["signature"], facts["mac"]):
        return False
    short = [signature_demanded(code, cra) and facts["signature"] != "valid"]
    short += [mac_demanded(code, cra) and facts["mac"] != "valid"]
    return code in use_cases() and not any(short)


# --- forgeries


def remade(octets: bytes, signer: bytes | None, secret: bytes | None, store: Keystore) -> bytes:
    """The message signed by `signer` (None: its own signature stays) and authenticated under `secret` (likewise)."""
    layout = read_envelope(octets)
    assert layout.payload is not None
    header = header_of(layout)
    body = grouping(header, octets[slice(*layout.payload)])
    raw: bytes = layout.raw_signature
    inner = signed(body, sign(store, signer, body) if signer is not None else raw)
    if layout.mac is None:
        return inner
    tag = octets[layout.mac : layout.mac + MAC_OCTETS]
    return authenticated(inner, header, secret, mac=None if secret is not None else tag)


def entitled_secret(layout: Envelope, store: Keystore, broker: bytes) -> bytes | None:
    """The secret that a message of this kind is rightly authenticated under."""
    maker = broker if layout.cra == 1 and not between_devices(layout.message_code or 0) else layout.originator
    return next(iter(store.secrets(maker, layout.recipient)), None)


def by_others(octets: bytes, store: Keystore, broker: bytes, who: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """The message by each of `who` instead: signed by another, authenticated by another, both."""
    layout = read_envelope(octets)
    right = entitled_secret(layout, store, broker) if layout.mac is not None else None
    signature = layout.signature_length == 64
    maker = broker if layout.cra == 1 and not between_devices(layout.message_code or 0) else layout.originator
    for one in who:
        may_sign = signature and one != layout.originator and store.private_keys(one, USES[0])
        wrong = next(iter(store.secrets(one, layout.recipient)), None)
        may_seal = layout.mac is not None and one not in (maker, layout.recipient) and wrong is not None
        if layout.mac is not None and one == layout.recipient and one != maker and layout.cra == 1:
            may_seal = wrong is not None  # a device to itself
        if may_sign:
            yield "signed by another party", remade(octets, one, right, store)
        if may_seal:
            yield "authenticated by another party", remade(octets, None, wrong, store)
        if may_sign and may_seal:
            yield "signed and authenticated by another party", remade(octets, one, wrong, store)


def wrong_pairs(
    octets: bytes, store: Keystore, broker: bytes, who: list[bytes]
) -> Iterator[tuple[str, bytes]]:
    """The right maker's key, with somebody else than the recipient."""
    layout = read_envelope(octets)
    if layout.mac is None:
        return
    maker = broker if layout.cra == 1 and not between_devices(layout.message_code or 0) else layout.originator
    for one in who:
        secret = next(iter(store.secrets(maker, one)), None)
        if one != layout.recipient and secret is not None:
            yield "the key of a wrong pair", remade(octets, None, secret, store)


def stripped(octets: bytes, store: Keystore, broker: bytes) -> Iterator[tuple[str, bytes]]:
    """Without its signature (the MAC made again by the one who may), and without its MAC."""
    layout = read_envelope(octets)
    assert layout.payload is not None and layout.message_code is not None
    body = grouping(header_of(layout), octets[slice(*layout.payload)])
    if layout.signature_length and signature_demanded(layout.message_code, layout.cra):
        inner = signed(body, b"")
        secret = entitled_secret(layout, store, broker)
        kept = authenticated(inner, header_of(layout), secret) if layout.mac is not None and secret else inner
        yield "the signature taken away", kept
    if layout.mac is not None and mac_demanded(layout.message_code, layout.cra):
        yield "the MAC taken away", signed(body, layout.raw_signature)


def swapped(octets: bytes, other: bytes, store: Keystore, broker: bytes) -> Iterator[tuple[str, bytes]]:
    """Signature and MAC of another message of the same parties."""
    one, two = read_envelope(octets), read_envelope(other)
    assert one.payload is not None
    if octets == other:
        return
    body = grouping(header_of(one), octets[slice(*one.payload)])
    right = entitled_secret(one, store, broker) if one.mac is not None else None
    if one.signature_length and two.signature_length and one.signed_octets != two.signed_octets:
        inner = signed(body, two.raw_signature)
        if one.mac is None or right is not None:
            yield (
                "another message's signature",
                (inner if one.mac is None else authenticated(inner, header_of(one), right)),
            )
    if one.mac is not None and two.mac is not None:
        tag = other[two.mac : two.mac + MAC_OCTETS]
        yield "another message's MAC", octets[: one.mac] + tag


def another_payload(store: Keystore, code: int) -> bytes:
    """The octets of another command's payload in the response's place, and the like: reflected messages."""
    honest = read_envelope(response(store, code))
    header = header_of(honest)
    back = MessageHeader(header.cra, header.counter, header.recipient, header.originator, header.message_code)
    payload = response_payload(code, back, store) if code in use_cases() else command_payload(code, 0)
    inner = signed(grouping(back, payload), b"")
    secret = store.secrets(back.originator, back.recipient)[0]
    return authenticated(inner, back, secret)
