"""Attributes read through data protection (class 30): what is asked, how it is sealed, what was inside.

Source: GBCS 4.x section 8; DLMS Blue Book class 30 (data protection).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dissectors.dlms.cosem.data import Node, read_node
from dissectors.dlms.cosem.obis import Target
from dissectors.gbcs.catalogue.objects import names_called, names_of, object_title
from dissectors.gbcs.payloads.values import Row, Values
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field

__all__ = ["OpenedValue", "sealed_octets", "sealed_value"]


def sealed_octets(octets: bytes, node: Node, name: str) -> Field:
    """The octet string ``31 00000000 || ciphertext || tag`` in its parts."""
    _, value, start, end = node
    body = end - len(value)
    sealed, counter = len(value) - 17, int.from_bytes(octets[body + 1 : body + 5], "big")
    leaves = (
        ("type_and_length", len(value), f"octet-string, {len(value)} octets", start, body - start),
        ("security_control", octets[body], "authenticated and encrypted", body, 1),
        ("invocation_counter", counter, "always zero", body + 1, 4),
        ("ciphertext", octets[body + 5 : end - 12], f"{sealed} octets of ciphertext", body + 5, sealed),
        ("tag", octets[end - 12 : end], "authentication tag, 12 octets", end - 12, 12),
    )
    children = [Field(label, said, words, at, size, "message") for label, said, words, at, size in leaves]
    return Field(name, None, "encrypted attributes", start, end - start, "message", children)


def sealed_value(octets: bytes, node: Node, name: str) -> Field:
    """The answer of get_protected_attributes: protection parameters and the sealed octets."""
    _, (parameters, sealed), start, end = node
    out = Field(name, None, "protected attributes", start, end - start, "message")
    out.children = [
        Field("type_and_count", 2, "structure, 2 elements", start, parameters[2] - start, "message"),
        Values(None, names_called("protection_parameters")).named(parameters, "protection_parameters"),
    ]
    if len(sealed[1]) >= 17:
        out.children += [sealed_octets(octets, sealed, "protected_attributes")]
    else:
        out.children += [Values(None).named(sealed, "protected_attributes")]
    return out


class OpenedValue:
    """Decrypted octets: a structure with one value for each object that was asked for (`wanted`).

    `code` is the message code, by which use case the values are named.
    """

    def __init__(self, plain: bytes, buffer: str, wanted: Sequence[Target], code: int | None) -> None:
        self.plain, self.buffer, self.code = plain, buffer, code
        self.values: list[tuple[Target | None, Node]] = []
        self.node: Node | None = None
        self.error: DissectionError | None = None
        try:
            self.node, _ = read_node(plain, 0, len(plain))
        except DissectionError as error:
            self.error = error.kept()
            return
        self.listed = self.node[0] == 2 and len(self.node[1]) == len(wanted)
        if self.listed:
            self.values = list(zip(wanted, self.node[1], strict=True))
        else:
            self.title = object_title(wanted[0]) if wanted else None
            self.values = [(wanted[0] if len(wanted) == 1 else None, self.node)]

    def _each(self) -> Iterator[tuple[Values, Node, str | None]]:
        for target, node in self.values:
            known = names_of(self.code, target) if self.code is not None and target is not None else None
            title = self.title if not self.listed else object_title(target) if target is not None else None
            yield Values(target, known, self.buffer), node, title

    def rows(self) -> list[Row]:
        """Rows of the items table."""
        return [row for values, node, title in self._each() for row in values.rows(node, title, "success")]

    def field(self) -> Field:
        """The tree of the buffer."""
        plain, buffer = self.plain, self.buffer
        if self.node is None:
            words = f"decrypted, not readable as Data: {self.error.text if self.error is not None else ''}"
            return Field(buffer, plain, words, 0, len(plain), buffer)
        end = self.node[3]
        out = Field(buffer, None, "decrypted attributes", 0, len(plain), buffer)
        if self.listed:
            first = self.values[0][1][2] if self.values else end
            words = f"structure, {len(self.values)} elements"
            out.children += [Field("type_and_count", len(self.values), words, 0, first, buffer)]
        for values, node, title in self._each():
            where = title or (values.target.obis if values.target is not None else "")
            out.children += [values.named(node, where.partition(":")[0] if self.listed else "value")]
        if end < len(plain):
            rest = plain[end:]
            out.children += [Field("trailing", rest, "octets left over", end, len(rest), buffer)]
        return out
