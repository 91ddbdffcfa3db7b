"""The octets of a value, encoded as those of the leaf whose place it takes.

Source: GBCS 4.x section 7.2.8 to 7.2.10; DLMS Blue Book (types of Data), X.690, ZigBee Cluster Library.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dissectors.dlms.cosem.encoding import (
    data_octets,
    data_type,
    number_of,
    octets_of,
    plain_octets,
    truth_of,
)
from dissectors.gbcs.asn1.der import encode_field
from dissectors.model.errors import Malformed
from dissectors.model.field import Field

__all__ = ["encoded"]

LAYER = "gbcs.build"


def encoded(leaf: Field, octets: bytes, value: Any, kind: str, *, little: bool) -> bytes:
    """The octets of `value` for a leaf.

    Args:
        octets: the buffer that the leaf is in.
        kind: of the payload: ``der``, ``gbz``, or a DLMS APDU.
        little: whether numbers without a type in front are little-endian there.

    Raises:
        Malformed: the value is none for this leaf.
    """
    held = octets[leaf.offset : leaf.end]
    try:
        if kind == "der":
            return encode_field(replace(leaf, value=_like(leaf.value, value)), octets)
        type_ = data_type(held, leaf) if kind != "gbz" else None
        return (
            plain_octets(leaf, held, value, little=little)
            if type_ is None
            else data_octets(type_, held, value)
        )
    except (OverflowError, ValueError, TypeError) as error:
        text = f"{leaf.name} cannot be {value!r}: {error}"
        raise Malformed(text, layer=LAYER, offset=leaf.offset) from error


def _like(held: Any, value: Any) -> Any:
    """The value in the type of the one that is held."""
    if isinstance(held, bool):
        return truth_of(value)
    if isinstance(held, int):
        return number_of(value)
    return octets_of(value) if isinstance(held, bytes) else str(value)
