"""The keys of a simulated HAN as the text of a keys.toml: test keys, of no use outside the simulation."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator
from typing import Any

from captures.simulated.han import Han

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
    for row in han.truth:
        if row["kind"] == "key" and row["type"] in _WRITERS and row["key"] != WELL_KNOWN:
            text = "\n".join(["", *_WRITERS[row["type"]](row)])
            if text not in seen:
                seen.add(text)
                lines.append(text)
    return "\n".join([*lines, *gbcs_lines(han)]) + "\n"


def gbcs_lines(han: Han) -> list[str]:
    """The section with the key pairs of remote parties and devices, the signature certificates of those who speak, and
    the root; nothing when no message was sent."""
    scalars = [row for row in han.truth if row["kind"] == "party"]
    if not scalars:
        return []
    speakers = {row["originator"] for row in han.truth if row["kind"] == "message"}
    speakers |= {row["entity"] for row in scalars if row["role"] == BROKER}
    certificates = [der for entity, der in han.certificates.items() if entity in speakers]
    return ["", *_gbcs(scalars), *_pem("certificates", certificates), *_pem("roots", [han.root])]


BROKER = "accessControlBroker"
WELL_KNOWN = b"ZigBeeAlliance09".hex()
"""The default trust centre link key: nobody has to be told."""


_ROLES = frozenset(["ESME", "GSME", "CHF", "GPF", "PPMID", "IHD", "CAD", "HCALCS", "HHT"])


def _network(row: dict[str, Any]) -> Iterator[str]:
    yield "[[network_key]]"
    yield f'key = "{row["key"]}"'
    # no PAN: it may change in the course of the capture
    yield f"sequence = {row['sequence']}"


def _link(row: dict[str, Any]) -> Iterator[str]:
    yield "[[link_key]]"
    yield f'key = "{row["key"]}"'
    yield 'devices = ["{}", "{}"]'.format(*row["devices"])


def _cbke(row: dict[str, Any]) -> Iterator[str]:
    yield "[[cbke]]"
    yield f'device = "{row["device"]}"'
    yield f'static_private = "{row["static_private"]}"'
    yield f'ephemeral_private = "{row["ephemeral_private"]}"'


def _gbcs(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "[gbcs]"
    broker = next((row["entity"] for row in rows if row["role"] == BROKER), "")
    if broker:
        yield f'access_control_broker = "{broker}"'
    yield 'scalars = """'
    yield "entity_id,key_usage,cell_usage,p256_scalar_hex"
    for row in rows:
        yield f"{row['entity']},{row['usage']},{row['cell']},{row['scalar']}"
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


_WRITERS = {"network": _network, "link": _link, "cbke": _cbke}
