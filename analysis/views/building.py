"""Messages built: from the JSON form of a message, with or without values changed, and from a use case and its values.

Strategy: JSON holds the octets of the message (`buffers`) beside what they say. They are read again, and what the JSON
says otherwise than they do is set: header, items, fields. Then the whole is made anew from its values, with signature
and MAC where anything was changed. Without octets, and from words, the use case's template is what is changed.

Source: GBCS 4.x sections 4.3, 6, 7.2, 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from analysis.views.building_changes import changes_of, frame_unchanged, place_of, see_form, settings_of
from analysis.views.building_parties import header_values
from analysis.views.message_inputs import Source
from analysis.views.message_tree import to_json
from analysis.views.messages import dissect
from analysis.views.templates import Wanted, template
from dissectors import DissectionError, Keyring, Message, dlms
from dissectors.dlms import DlmsMessage
from dissectors.gbcs import GbcsMessage, build, dissect_message, header_of, set_value, settings
from dissectors.model import KeyMissing, Malformed

__all__ = ["build_json", "build_use_case", "document_rows", "setting_rows"]

LAYER = "build"
OWN = (
    "originator",
    "recipient",
    "originator_counter",
    "message_code",
    "use_case",
    "cra",
    "supplementary_remote_party",
    "supplementary_remote_party_counter",
    "supplementary_originator_counter",
)
"""Keys of the JSON form that say what stands in the header."""
PROTECTIONS = ("signature", "mac")
NOTHING: Mapping[str, Any] = {}


def build_use_case(name: str, given: Mapping[str, Any], keyring: Keyring) -> bytes:
    """A message of a use case.

    Args:
        name: of the use case, or its message code (``0x0027``).
        given: values of the header (`OWN`, ``counter``, ``alert_code``, ``date_time``), ``signature`` or ``mac``
            ``absent``, ``payload`` in hex, and values of the payload by path or item, or by the end of either.
        keyring: names of parties, and keys to sign, authenticate and encrypt with.

    Raises:
        DissectionError: no such use case or value, a value that does not fit, or a key that is not held.
    """
    wanted = header_values(name, given, keyring)
    message = dissect_message(template(wanted, keyring), keyring.gbcs)
    for key, value in wanted.values.items():
        message = _set(message, place_of(message, key), value, keyring)
    return _protected(message, wanted, keyring)


def setting_rows(name: str, given: Mapping[str, Any], keyring: Keyring) -> list[dict[str, Any]]:
    """The values that a message of a use case has: path, item, value of the template, what it means.

    Raises:
        DissectionError: as `build_use_case`.
    """
    wanted = header_values(name, given, keyring)
    return _rows(dissect_message(template(wanted, keyring), keyring.gbcs))


def document_rows(document: Mapping[str, Any], keyring: Keyring) -> list[dict[str, Any]]:
    """The values that can be changed in the JSON form of a message, likewise. Raises DissectionError: as `build_json`."""
    return _rows(_message_of(document, _octets_of(document), keyring))


def _rows(message: Message) -> list[dict[str, Any]]:
    return [
        {
            "path": one.path,
            "item": one.item or None,
            "value": _shown(one.leaf.value),
            "meaning": one.leaf.meaning,
        }
        for one in settings_of(message)
    ]


def build_json(document: Mapping[str, Any], keyring: Keyring, given: Mapping[str, Any] = NOTHING) -> bytes:
    """The octets of a message or frame from its JSON form (``hanscope message --json``), with what was changed in it.

    Args:
        document: what stands otherwise in it than its octets (`buffers`) say is set.
        given: values to be set besides, as `build_use_case` takes them.

    Raises:
        DissectionError: keys are hidden in it, a value does not fit, or a key that is needed is not held.
    """
    buffers = document.get("buffers")
    if not isinstance(buffers, Mapping):
        return _from_facts(document, keyring, given)
    see_form(document)
    octets = _octets_of(document)
    if document.get("kind") == "frame":
        return frame_unchanged(octets, document, given)
    message = _message_of(document, octets, keyring)
    told = to_json(Source("", octets), message, reveal=True)
    own = {("originator_counter" if key == "counter" else key): value for key, value in given.items()}
    stated = {key: own.pop(key) for key in (*OWN, *PROTECTIONS) if key in own}
    changes, header, protection = _differences(message, told, {**document, **stated})
    if not (changes or header or protection or own):
        return _again(message, keyring)
    if isinstance(message, DlmsMessage):
        if header or protection:
            name = next(iter({**header, **protection}))
            raise Malformed(f"{name}: a DLMS message has no such value", layer=LAYER)
        return _changed_dlms(message, changes, own, keyring)
    if not isinstance(message, GbcsMessage):
        raise Malformed(f"values of a {message.kind} message cannot be changed", layer=LAYER)
    for place, value in changes:
        message = _set(message, place, value, keyring)
    for key, value in own.items():
        message = _set(message, place_of(message, key), value, keyring)
    known = {name: told.get(name) for name in OWN} | header
    if "use_case" in header and "message_code" not in header:
        del known["message_code"]
    name = str(known.get("message_code") or known.get("use_case"))
    wanted = header_values(name, {k: v for k, v in known.items() if v is not None}, keyring)
    wanted.signature, wanted.mac = protection.get("signature"), protection.get("mac")
    return _protected(message, wanted, keyring)


def _octets_of(document: Mapping[str, Any]) -> bytes:
    """The octets that a JSON form is of."""
    buffers = document.get("buffers")
    if not isinstance(buffers, Mapping):
        raise Malformed("there are no octets (buffers) in this JSON: its use case has a list", layer=LAYER)
    text = buffers.get("message", buffers.get("frame"))
    if not isinstance(text, str) or "*" in text:
        raise Malformed("keys are hidden in this JSON: print it with --reveal", layer=LAYER)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Malformed("buffers: message is no hex", layer=LAYER) from None


def _message_of(document: Mapping[str, Any], octets: bytes, keyring: Keyring) -> Message:
    """The message that a JSON form is of, read again."""
    kind, transport = document.get("kind"), document.get("transport")
    source = Source("", octets, transport=str(transport) if transport in dlms.READERS else "auto")
    return dissect(source, keyring, kind=str(kind) if kind in ("gbcs", "dlms") else "auto", reveal=True)


def _from_facts(document: Mapping[str, Any], keyring: Keyring, given: Mapping[str, Any]) -> bytes:
    """A message from its header's values and its items alone."""
    name = document.get("use_case") or document.get("message_code")
    if name is None:
        text = "neither octets (buffers) nor a use case: is it the JSON of `hanscope message --json`?"
        raise Malformed(text, layer=LAYER)
    own = {key: document[key] for key in OWN if document.get(key) is not None and key != "use_case"}
    own |= {key: "absent" for key in PROTECTIONS if document.get(key) == "absent"}
    items = document.get("items") or ()
    values = {str(one["object"]): one["value"] for one in items if one.get("value") is not None}
    return build_use_case(str(name), {**own, **values, **given}, keyring)


def _again(message: Message, keyring: Keyring) -> bytes:
    """The octets of a message from its values; as they are, where it could not be read to its end."""
    if isinstance(message, GbcsMessage) and message.error is None:
        try:
            return build.build(message, keyring.gbcs)
        except DissectionError:
            return message.octets
    return message.octets


# --- what is changed


def _differences(
    message: Message, told: Mapping[str, Any], document: Mapping[str, Any]
) -> tuple[list[tuple[int, Any]], dict[str, Any], dict[str, bool]]:
    """What the JSON says otherwise than the octets: values by their place among the settings, header, protection."""
    header = {k: document[k] for k in OWN if k in document and document[k] != told.get(k)}
    protection = {
        k: document[k] != "absent"
        for k in PROTECTIONS
        if document.get(k) in ("absent", "present") and document[k] != told.get(k)
    }
    protection |= {
        k: True for k in PROTECTIONS if document.get(k) != told.get(k) and document.get(k) == "valid"
    }
    known = settings_of(message)
    places = {(s.leaf.buffer, s.leaf.offset, s.leaf.bits): at for at, s in enumerate(known)}
    changes: dict[int, Any] = {}
    for one in changes_of(message, told, document):
        at = places.get(one.place)
        if at is not None:
            changes[at] = one.for_leaf(known[at].leaf)
        elif one.name in OWN:
            header[one.name] = one.theirs
        else:
            raise Malformed(f"{one.name} cannot be changed: it follows from other values", layer=LAYER)
    return list(changes.items()), header, protection


def _set(message: GbcsMessage, place: int, value: Any, keyring: Keyring) -> GbcsMessage:
    """The message with another value; the others stay where they are."""
    before = settings(message)
    octets = set_value(message, before[place].leaf, value, keyring.gbcs)
    again = dissect_message(octets, keyring.gbcs)
    after = settings(again)
    if [one.path for one in after] != [one.path for one in before]:
        name = before[place].path
        raise Malformed(f"{name} cannot be {value!r}: what follows could not be read any more", layer=LAYER)
    return again


def _changed_dlms(
    message: DlmsMessage, changes: Iterable[tuple[int, Any]], own: Mapping[str, Any], keyring: Keyring
) -> bytes:
    """A DLMS message with other values, given by place or by name."""
    for place, value in [*changes, *((place_of(message, key), value) for key, value in own.items())]:
        octets = dlms.set_value(message, dlms.settings(message)[place].leaf, value, keyring.dlms)
        source = Source("", octets, transport=message.facts["transport"])
        again = dissect(source, keyring, kind="dlms", reveal=True)
        assert isinstance(again, DlmsMessage)
        message = again
    return message.octets


# --- header, signature, MAC


def _protected(message: GbcsMessage, wanted: Wanted, keyring: Keyring) -> bytes:
    """The message with the header that is wanted, signed and with its MAC."""
    old = header_of(message.layout)
    new = replace(wanted.header, date_time=wanted.header.date_time or old.date_time, rest=old.rest)
    new = replace(new, certificate=new.certificate or old.certificate, security=old.security)
    for place, value in _repeated(message, old.counter, new.counter, new.originator, new.recipient):
        message = _set(message, place, value, keyring)
    if keyring.gbcs is None:
        shut = message.payload is not None and message.payload.sealed
        signed = message.layout.signature_length if wanted.signature is None else wanted.signature
        if signed or shut or (message.layout.mac is not None if wanted.mac is None else wanted.mac):
            raise KeyMissing(
                "no keys are held to sign and authenticate with ([gbcs] of keys.toml)", layer=LAYER
            )
    from dissectors.gbcs import Keystore

    store = keyring.gbcs if keyring.gbcs is not None else Keystore()
    return build.protect(message, store, header=new, signature=wanted.signature, mac=wanted.mac)


def _repeated(
    message: GbcsMessage, old: int, new: int, originator: bytes, recipient: bytes
) -> Iterator[tuple[int, Any]]:
    """Values of the payload that repeat what stands in the header, where the header is another one."""
    layout = message.layout
    ends = {
        "originator_system_title": (layout.originator, originator),
        "recipient_system_title": (layout.recipient, recipient),
    }
    for place, one in enumerate(settings(message)):
        leaf = one.leaf
        if (
            leaf.name == "long_invoke_id_and_priority"
            and old != new
            and leaf.value & 0xFFFFFF == old & 0xFFFFFF
        ):
            yield place, leaf.value & 0xFF000000 | new & 0xFFFFFF
        elif leaf.name == "transaction_id" and leaf.value == b"\x04" + old.to_bytes(8, "big"):
            yield place, b"\x04" + new.to_bytes(8, "big")
        elif leaf.name in ends and leaf.value == ends[leaf.name][0] != ends[leaf.name][1]:
            yield place, ends[leaf.name][1]


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
