"""The header of a message to build: who, to whom, which use case, from what a person wrote."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from analysis.keys.remote_parties import remote_parties
from analysis.views.templates import Wanted
from captures.simulated.remote.directory import role_of
from dissectors import Keyring
from dissectors.gbcs import MessageHeader, UseCase, originator_roles, use_case_by_name, use_cases
from dissectors.model import Malformed, Unsupported

__all__ = ["header_values"]

LAYER = "build"
HAN_ONLY = "SME.C.PPMID-GSME"
KINDS = {"command": 1, "response": 2, "alert": 3}
DIGITS = 16


def header_values(name: str, given: Mapping[str, Any], keyring: Keyring) -> Wanted:
    """What is wanted of a message: its header, its protection, and the values that are left for its payload.

    Args:
        name: use case, or message code.
        given: see `analysis.views.building.build_use_case`. Parties are EUI-64s or names of keys.toml; who is not
            given is the only one that has the right role there. The counter is the time in ms by default.

    Raises:
        Malformed, Unsupported: something of it is not known.
    """
    left = dict(given)
    code = left.pop("message_code", None)
    row = _row(str(left.pop("use_case", name)) if code is None else str(code))
    cra = KINDS.get(str(left.pop("cra", "command")))
    if cra is None:
        raise Malformed(f"cra is one of {', '.join(KINDS)}", layer=LAYER)
    device, party = _device(row, keyring), _party(row, keyring)
    sender, receiver = (party, device) if cra == 1 else (device, party)
    counter = left.pop("counter", left.pop("originator_counter", None))
    third_counter, asked = (
        None if left.get(key) is None else _number(key, left.pop(key))
        for key in ("supplementary_remote_party_counter", "supplementary_originator_counter")
    )
    third = left.pop("supplementary_remote_party", None)
    date = left.pop("date_time", "")
    header = MessageHeader(
        cra,
        time.time_ns() // 1_000_000 if counter is None else _number("originator_counter", counter),
        _entity("originator", left.pop("originator", None), sender, keyring),
        _entity("recipient", left.pop("recipient", None), receiver, keyring),
        row.message_code,
        _hex("date_time", date),
        None if third is None else _entity("supplementary_remote_party", third, None, keyring),
        third_counter,
        asked,
    )
    alert, payload = left.pop("alert_code", None), left.pop("payload", None)
    return Wanted(
        header,
        row,
        signature=_state("signature", left),
        mac=_state("mac", left),
        alert_code=None if alert is None else _number("alert_code", alert, base=16),
        payload=None if payload is None else _hex("payload", payload),
        values=left,
    )


def _row(name: str) -> UseCase:
    code = _number("message_code", name) if name.isdigit() or name.lower().startswith("0x") else None
    row = use_case_by_name(name) if code is None else use_cases().get(code)
    if row is None:
        import difflib

        known = [one.use_case for one in use_cases().values()]
        near = difflib.get_close_matches(name.upper(), [one.upper() for one in known], n=3)
        hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
        raise Unsupported(f"no use case {name} in the tables{hint}", layer=LAYER)
    return row


def _device(row: UseCase, keyring: Keyring) -> int | None:
    """The only device of the role that the use case is for."""
    found = [one.eui64 for one in keyring.devices.values() if one.role == str(role_of(row.message_code))]
    return found[0] if len(found) == 1 else None


def _party(row: UseCase, keyring: Keyring) -> int | None:
    """The first remote party that may send the use case's commands; for those within the home the display."""
    if row.category == HAN_ONLY:
        return next((one.eui64 for one in keyring.devices.values() if one.role == "PPMID"), None)
    roles = {role.casefold() for role in originator_roles(row.message_code)} or {"supplier"}
    found = [one.eui64 for one in remote_parties(keyring) if one.role.casefold() in roles]
    return found[0] if found else None


def _entity(what: str, said: Any, otherwise: int | None, keyring: Keyring) -> bytes:
    if said is None:
        if otherwise is None:
            text = f"{what} is not given, and keys.toml has not one that it must be: {what}=EUI64"
            raise Malformed(text, layer=LAYER)
        return otherwise.to_bytes(8, "big")
    text = str(said)
    digits = text.replace("-", "").replace(":", "").lower()
    if len(digits) == DIGITS and all(c in "0123456789abcdef" for c in digits):
        return bytes.fromhex(digits)
    wanted = text.casefold()
    named = [*keyring.devices.values(), *remote_parties(keyring)]
    found = {one.eui64 for one in named if wanted in (one.name.casefold(), one.role.casefold())}
    if len(found) != 1:
        why = "nobody is" if not found else f"{len(found)} are"
        raise Malformed(f"{what}: {why} called {text} in keys.toml, and it is no EUI-64", layer=LAYER)
    return found.pop().to_bytes(8, "big")


def _state(name: str, left: dict[str, Any]) -> bool | None:
    said = left.pop(name, None)
    if said not in (None, "absent", "present"):
        raise Malformed(f"{name} is absent or present", layer=LAYER)
    return None if said is None else said == "present"


def _number(name: str, said: Any, base: int = 0) -> int:
    try:
        return (
            said
            if isinstance(said, int)
            else int(str(said), base or (16 if "x" in str(said).lower() else 10))
        )
    except ValueError:
        raise Malformed(f"{name} is no number: {said}", layer=LAYER) from None


def _hex(name: str, said: Any) -> bytes:
    try:
        return bytes.fromhex(str(said))
    except ValueError:
        raise Malformed(f"{name} is no hex: {said}", layer=LAYER) from None
