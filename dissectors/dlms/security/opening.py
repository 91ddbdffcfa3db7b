"""Opening a protected APDU: which title and keys to try, in what order, and what to say about the outcome.

States (design: architecture.md): ``ok`` opened and authenticated; ``unauthenticated`` opened, its tag absent
or not checkable; ``bad_tag`` a key is held and does not fit; ``no_key``; ``none`` not protected at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from dissectors.crypto.ecdsa import public_key, verify_signature
from dissectors.crypto.gcm import counter_mode
from dissectors.dlms.apdu.general import HEADER, Ciphered, SecurityControl
from dissectors.dlms.apdu.layouts import Apdu, read_whole_apdu
from dissectors.dlms.carriers.p1 import is_telegram
from dissectors.dlms.cosem.data import read_node
from dissectors.dlms.security.agreement import agreed_key, unwrap_key
from dissectors.dlms.security.ciphering import open_payload, seal_payload
from dissectors.layout.lengths import build_octets
from dissectors.model.errors import DissectionError
from dissectors.model.keyring import DlmsKeys

__all__ = ["OpenedApdu", "check_signature", "open_apdu", "open_ciphered", "seal_again"]


class OpenedApdu(NamedTuple):
    """The outcome: state, plain text (None when shut), a sentence, the title that was used, and whether the key was
    held for another one."""

    state: str
    plaintext: bytes | None
    text: str = ""
    title: bytes = b""
    foreign: bool = False


FOREIGN = ", with a key that is held for another system title"
FOREIGN_OCTETS = 16
"""Plain text so long that reads to its end is no chance (one in many millions for the structures of a push)."""


class _Attempt(NamedTuple):
    key: bytes
    authentication_key: bytes | None
    title: bytes
    matches: bool


def open_apdu(apdu: Apdu, keys: Sequence[DlmsKeys], titles: Iterable[bytes] = ()) -> OpenedApdu:
    """Open a ciphered APDU (glo-, ded-, general-glo, general-ded, general-ciphering).

    Args:
        titles: system titles that the sender may have, the likeliest first (learnt from the association);
            a title inside the message goes before them.
    """
    return open_ciphered(*_to_try(apdu, keys, titles))


def seal_again(
    apdu: Apdu, keys: Sequence[DlmsKeys], titles: Iterable[bytes], held: bytes, plaintext: bytes
) -> tuple[bytes, bytes] | None:
    """Payload and tag of another plain text, under what opened a ciphered APDU; None where no key is held that did.

    Args:
        titles: as `open_apdu` takes them.
        held: the plain text that it was opened to.
    """
    ciphered, attempts, header = _to_try(apdu, keys, titles)
    counter = ciphered.counter.to_bytes(4, "big")
    for key, authentication_key, title, _ in attempts:
        if ciphered.tag and authentication_key is None:
            continue
        iv, second = title + counter, authentication_key or b""
        if seal_payload(key, second, iv, ciphered.control, held, header) == (ciphered.payload, ciphered.tag):
            return seal_payload(key, second, iv, ciphered.control, plaintext, header)
    return None


def _to_try(
    apdu: Apdu, keys: Sequence[DlmsKeys], titles: Iterable[bytes]
) -> tuple[Ciphered, list[_Attempt], bytes]:
    """What is sealed in an APDU, the keys to try, and the header strings that the tag covers."""
    part = apdu.part("protected")
    assert part is not None
    ciphered: Ciphered = part[1]
    values = {p[0].name: p[1] for p in apdu.parts}
    own = values.get("system_title") or values.get("originator_system_title") or b""
    candidates = [title for title in (own, *titles) if len(title) == 8]
    header = b""
    if apdu.tag == 0xDD:
        header = b"".join(build_octets(values[element.name]) for element in HEADER)
    dedicated = apdu.name.startswith(("ded-", "general-ded"))
    return ciphered, list(_attempts(ciphered, keys, candidates, dedicated, values)), header


def _attempts(
    ciphered: Ciphered,
    keys: Sequence[DlmsKeys],
    titles: list[bytes],
    dedicated: bool,
    values: dict[str, Any],
) -> Iterator[_Attempt]:
    """Keys of the very title first, then those for any, then the others (only trusted with a good tag)."""
    ranked = sorted(keys, key=lambda k: 0 if k.system_title in titles else 1 if k.system_title is None else 2)
    for entry in ranked:
        own = entry.system_title
        for title in dict.fromkeys([*titles, *([own] if own else [])]):
            for key in _keys_of(entry, ciphered, dedicated, values):
                matches = own is None or not titles or own in titles
                yield _Attempt(key, entry.authentication_key, title, matches)


def _keys_of(entry: DlmsKeys, ciphered: Ciphered, dedicated: bool, values: dict[str, Any]) -> Iterator[bytes]:
    control = SecurityControl.of(ciphered.control)
    info = values.get("key_info")
    if info is not None:
        yield from _keys_of_info(entry, control.suite, info[1], values)
    elif dedicated:
        yield from _held(entry.dedicated_key)
    elif control.broadcast:
        yield from _held(entry.broadcast_key, entry.encryption_key)
    else:
        yield from _held(entry.encryption_key)


def _held(*keys: bytes | None) -> Iterator[bytes]:
    yield from (key for key in keys if key and len(key) in (16, 24, 32))


def _keys_of_info(entry: DlmsKeys, suite: int, info: Any, values: dict[str, Any]) -> Iterator[bytes]:
    choice, parts = info
    first, second = parts[0][1], parts[1][1] if len(parts) > 1 else b""
    if choice == 0:
        broadcast = (entry.broadcast_key, entry.encryption_key)
        yield from _held(*(broadcast if first == 1 else (entry.encryption_key,)))
        return
    if choice == 1 and entry.master_key and len(entry.master_key) in (16, 24, 32):
        yield from _held(unwrap_key(entry.master_key, second))
    if choice == 2 and entry.agreement_private:
        names = ("transaction_id", "originator_system_title", "recipient_system_title")
        titles = tuple(values[name] for name in names)
        yield from _held(
            agreed_key(first, second, suite, titles, entry.agreement_private, entry.agreement_public)
        )
    yield from _held(entry.encryption_key)


def open_ciphered(ciphered: Ciphered, attempts: Sequence[_Attempt], header: bytes = b"") -> OpenedApdu:
    """Try `attempts` in turn: the first that authenticates wins, else the first that gives an APDU."""
    control = ciphered.control
    if not control & 0x30:
        return OpenedApdu("none", ciphered.payload, "neither encrypted nor authenticated")
    visible = None if control & 0x20 else ciphered.payload
    if not attempts:
        return OpenedApdu("no_key", visible, "no key is held for it")
    counter = ciphered.counter.to_bytes(4, "big")
    if ciphered.tag:
        for key, authentication_key, title, matches in attempts:
            if authentication_key is None:
                continue
            plaintext = open_payload(
                key, authentication_key, title + counter, control, ciphered.payload, ciphered.tag, header
            )
            if plaintext is not None:
                text = "opened and authenticated" + ("" if matches else FOREIGN)
                return OpenedApdu("ok", plaintext, text, title, not matches)
    checkable = ciphered.tag and all(attempt.authentication_key is not None for attempt in attempts)
    if visible is not None:
        return _unverified(visible, bool(checkable))
    return _by_plausibility(ciphered, attempts)


def _unverified(visible: bytes, checkable: bool) -> OpenedApdu:
    if checkable:
        return OpenedApdu("bad_tag", visible, "the authentication tag does not match the keys that are held")
    return OpenedApdu("unauthenticated", visible, "not authenticated: the authentication key is missing")


def _by_plausibility(ciphered: Ciphered, attempts: Sequence[_Attempt]) -> OpenedApdu:
    """Without a tag that can be checked, a key fits when the plain text reads from end to end: as an APDU, as Data, or
    as text of a meter's customer port. Keys that are held for this very title go before those of others."""
    counter = ciphered.counter.to_bytes(4, "big")
    compressed = ciphered.control & 0x80
    for key, authentication_key, title, matches in sorted(attempts, key=lambda attempt: not attempt.matches):
        plaintext = counter_mode(key, title + counter, ciphered.payload)
        if not (_reads(plaintext, matches) or (compressed and matches)):
            continue
        held = "" if matches else FOREIGN
        if ciphered.tag and authentication_key is not None:
            text = "decrypted, but the tag does not match: wrong authentication key, or tampered with"
            return OpenedApdu("bad_tag", plaintext, text + held, title, not matches)
        return OpenedApdu(
            "unauthenticated", plaintext, "decrypted, not authenticated" + held, title, not matches
        )
    return OpenedApdu("bad_tag", None, _unread(ciphered, attempts))


def _unread(ciphered: Ciphered, attempts: Sequence[_Attempt]) -> str:
    """What is known when no key gives anything that reads."""
    if ciphered.tag and all(attempt.authentication_key is not None for attempt in attempts):
        return "key mismatch: the tag does not fit, and what comes out reads neither as an APDU nor as text"
    missing = "no authentication key is held" if ciphered.tag else "it carries no tag"
    text = "what comes out reads neither as an APDU nor as text: a wrong key, or content of a kind that is not read"
    return f"key mismatch: {text} ({missing}, so nothing proves which)"


def _reads(octets: bytes, matches: bool) -> bool:
    """Whether plain text reads to its end; of a key held for somebody else more is asked, as chance has more tries."""
    if is_telegram(octets):
        return True
    if not matches and len(octets) < FOREIGN_OCTETS:
        return False
    try:
        read_whole_apdu(octets)
        return True
    except DissectionError:
        return _is_data(octets)


def _is_data(octets: bytes) -> bool:
    """Data without an APDU around it: an array or structure of some size that ends where the octets do."""
    if len(octets) < FOREIGN_OCTETS or octets[0] not in (1, 2):
        return False
    try:
        return read_node(octets, 0, len(octets))[1] == len(octets)
    except DissectionError:
        return False


def check_signature(apdu: Apdu, keys: Sequence[DlmsKeys]) -> str:
    """``valid``, ``invalid``, ``no_key`` or ``absent`` for a general-signing APDU."""
    values = {p[0].name: p[1] for p in apdu.parts}
    signature = values.get("signature")
    if not signature:
        return "absent"
    part = apdu.part("signature")
    assert part is not None
    signed = apdu.data[apdu.start + 1 : part[2]]
    public = [entry.signing_public for entry in keys if entry.signing_public]
    if not public:
        return "no_key"
    return (
        "valid" if any(verify_signature(public_key(key), signature, signed) for key in public) else "invalid"
    )
