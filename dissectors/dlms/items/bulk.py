"""Many plain APDUs at speed: octets in, rows of named values out, no trees.

For what `dissect_message` does besides (carriers, protection, blocks, fields) see there; both read with the
same layouts and name with the same tables.
"""

from __future__ import annotations

from dissectors.dlms.apdu.layouts import read_whole_apdu
from dissectors.dlms.association import Association
from dissectors.dlms.items.pairs import pairs_of
from dissectors.dlms.items.rows import Row, learn, row_of

__all__ = ["named_values"]


def named_values(octets: bytes, association: Association) -> list[Row]:
    """The rows of one plain APDU: object, class, OBIS code, attribute, value, number, unit, result.

    Raises:
        Truncated, Malformed: with layer and offset.
    """
    pairs = pairs_of(read_whole_apdu(octets), association)
    learn(pairs, association)
    return [row_of(pair, association) for pair in pairs]
