"""The keys of a simulated HAN as the text of a keys.toml: test keys, of no use outside the simulation."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator

from captures.simulated.air.truth import CbkeKey, LinkKey, MessageNote, NetworkKey, Note, PartyNote
from captures.simulated.devices.han import Han
from captures.simulated.remote.dcc import Dcc
from captures.simulated.stack.joining import WELL_KNOWN as WELL_KNOWN_KEY
from captures.simulated.stack.network import Role

__all__ = ["gbcs_lines", "keys_text"]


def keys_text(han: Han) -> str:
    """Everything that a reader needs to open the whole capture: see keys.toml in the documentation.

    Install codes stay out where the key that they give was used: the link key is there already.
    """
    lines = ["# Keys of a simulated HAN: made from its seed, worthless elsewhere."]
    for node in {node.eui64: node for node in han.nodes}.values():
        role = node.role if node.role in _ROLES else ""
        lines += ["", "[[device]]", f'eui64 = "{node.eui64:016x}"', f'name = "{node.name}"']
        lines += [f'role = "{role}"'] if role else []
    seen: set[str] = set()
    for note in han.notes:
        lines_of_it = list(_key_lines(note))
        if lines_of_it:
            text = "\n".join(["", *lines_of_it])
            if text not in seen:
                seen.add(text)
                lines.append(text)
    return "\n".join([*lines, *gbcs_lines(han)]) + "\n"


def gbcs_lines(han: Han) -> list[str]:
    """The section with the key pairs of remote parties and devices, the signature certificates of those who speak, and
    the root; nothing when no message was sent."""
    dcc = han.find(Dcc)
    if dcc is None:
        return []
    speakers = {note.originator for note in han.notes if isinstance(note, MessageNote)}
    speakers.add(dcc.broker.address)
    certificates = [der for entity, der in dcc.certificates.items() if entity in speakers]
    pairs = [note for note in han.notes if isinstance(note, PartyNote)]
    return [
        "",
        *_gbcs(dcc.broker.address, pairs),
        *_pem("certificates", certificates),
        *_pem("roots", [dcc.root]),
    ]


WELL_KNOWN = WELL_KNOWN_KEY.hex()
"""The default trust centre link key: nobody has to be told."""


_ROLES = frozenset(Role) - {Role.FORMER_CHF, Role.INTRUDER}
"""What a key file may call a device."""


def _key_lines(note: Note) -> Iterator[str]:
    """The table of a key; nothing for what is none, and for the well-known key."""
    match note:
        case NetworkKey():
            yield "[[network_key]]"
            yield f'key = "{note.key.hex()}"'
            # no PAN: it may change in the course of the capture
            yield f"sequence = {note.sequence}"
        case LinkKey() if note.key != WELL_KNOWN_KEY:
            one, other = note.devices
            yield "[[link_key]]"
            yield f'key = "{note.key.hex()}"'
            yield f'devices = ["{one:016x}", "{other:016x}"]'
        case CbkeKey():
            yield "[[cbke]]"
            yield f'device = "{note.device:016x}"'
            yield f'static_private = "{note.static_private.hex()}"'
            yield f'ephemeral_private = "{note.ephemeral_private.hex()}"'


def _gbcs(broker: str, pairs: list[PartyNote]) -> Iterator[str]:
    yield "[gbcs]"
    yield f'access_control_broker = "{broker}"'
    yield 'scalars = """'
    yield "entity_id,key_usage,cell_usage,p256_scalar_hex"
    for pair in pairs:
        yield f"{pair.entity},{pair.usage},{pair.cell},{pair.scalar}"
    yield '"""'


def _pem(name: str, certificates: list[bytes]) -> Iterator[str]:
    """Certificates as an array of PEM texts."""
    yield f"{name} = ["
    for der in certificates:
        yield '"""'
        yield "-----BEGIN CERTIFICATE-----"
        yield from textwrap.wrap(base64.b64encode(der).decode(), 64)
        yield "-----END CERTIFICATE-----"
        yield '""",'
    yield "]"
