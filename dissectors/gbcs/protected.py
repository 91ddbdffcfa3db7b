"""Attributes read through data protection (class 30): what is asked, how it is sealed, what was inside.

Source: GBCS 4.x section 8; DLMS Blue Book class 30 (data protection).
"""

from __future__ import annotations

from collections.abc import Sequence

from dissectors.dlms.data import Node, read_node
from dissectors.errors import DissectionError
from dissectors.field import Field
from dissectors.gbcs.objects import Target, object_title, part_tree, parts_of
from dissectors.gbcs.values import Row, Values

__all__ = ["DEFINITIONS_AND_PARAMETERS", "PARAMETERS", "opened_value", "sealed_octets", "sealed_value"]


_PARAMETER = part_tree(
    "protection_parameters",
    "protection_type",
    part_tree(
        "protection_options",
        "transaction_id",
        "originator_system_title",
        "recipient_system_title",
        "other_information",
        part_tree(
            "key_info", "key_info_type", part_tree("key_info_options", "key_parameters", "key_ciphered_data")
        ),
    ),
)
PARAMETERS = part_tree("protection_parameters", part_tree("parameters[]", *_PARAMETER.children))
_DEFINITION = part_tree(
    "definition[]",
    "class_id",
    "logical_name",
    "attribute_index",
    "data_index",
    part_tree(
        "restriction", "restriction_type", part_tree("restriction_value", "from_date_time", "to_date_time")
    ),
)
DEFINITIONS_AND_PARAMETERS = part_tree(
    "get_protected_attributes", part_tree("object_definitions", _DEFINITION), PARAMETERS
)


def sealed_octets(octets: bytes, node: Node, name: str) -> Field:
    """The octet string ``31 00000000 || ciphertext || tag`` in its parts."""
    _, value, start, end = node
    body = end - len(value)
    sealed = len(value) - 17
    children = [
        Field("type_and_length", len(value), f"octet-string, {len(value)} octets", start, body - start),
        Field("security_control", octets[body], "authenticated and encrypted", body, 1),
        Field("invocation_counter", 0, "always zero", body + 1, 4),
        Field("ciphertext", octets[body + 5 : end - 12], f"{sealed} octets of ciphertext", body + 5, sealed),
        Field("tag", octets[end - 12 : end], "authentication tag, 12 octets", end - 12, 12),
    ]
    children[2].value = int.from_bytes(octets[body + 1 : body + 5], "big")
    for child in children:
        child.buffer = "message"
    return Field(name, None, "encrypted attributes", start, end - start, "message", children)


def sealed_value(octets: bytes, node: Node, name: str) -> Field:
    """The answer of get_protected_attributes: protection parameters and the sealed octets."""
    _, (parameters, sealed), start, end = node
    out = Field(name, None, "protected attributes", start, end - start, "message")
    out.children = [
        Field("type_and_count", 2, "structure, 2 elements", start, parameters[2] - start, "message"),
        Values(None).field(parameters, PARAMETERS, "protection_parameters"),
    ]
    if len(sealed[1]) >= 17:
        out.children.append(sealed_octets(octets, sealed, "protected_attributes"))
    else:
        out.children.append(Values(None).field(sealed, None, "protected_attributes"))
    return out


def opened_value(
    plain: bytes, buffer: str, wanted: Sequence[Target], code: int | None
) -> tuple[Field, list[Row]]:
    """Field and rows of decrypted octets: a structure with one value for each object that was asked for."""
    try:
        node, end = read_node(plain, 0, len(plain))
    except DissectionError as error:
        words = f"decrypted, not readable as Data: {error.text}"
        return Field(buffer, plain, words, 0, len(plain), buffer), []
    out = Field(buffer, None, "decrypted attributes", 0, len(plain), buffer)
    values = node[1] if node[0] == 2 and len(node[1]) == len(wanted) else None
    rows: list[Row] = []
    if values is None:
        inner = Values(wanted[0] if len(wanted) == 1 else None, buffer)
        part = parts_of(code, wanted[0]) if code is not None and len(wanted) == 1 else None
        out.children.append(inner.field(node, part, "value"))
        title = object_title(wanted[0]) if wanted else None
        rows = inner.rows(title, "success")
    else:
        first = values[0][2] if values else end
        words = f"structure, {len(values)} elements"
        out.children.append(Field("type_and_count", len(values), words, 0, first, buffer))
        for target, value in zip(wanted, values, strict=True):
            inner = Values(target, buffer)
            part = parts_of(code, target) if code is not None else None
            field = inner.field(value, part, object_title(target) or target.obis)
            field.name = (object_title(target) or target.obis).partition(":")[0]
            out.children.append(field)
            rows += inner.rows(object_title(target), "success")
    if end < len(plain):
        out.children.append(Field("trailing", plain[end:], "octets left over", end, len(plain) - end, buffer))
    return out, rows
