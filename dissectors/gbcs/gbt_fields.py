"""A block of a message as fields (`dissectors.gbcs.gbt` reads and builds it)."""

from __future__ import annotations

from dissectors.dlms.lengths import read_length
from dissectors.errors import DissectionError
from dissectors.field import Field, Issue
from dissectors.gbcs.alerts import code_words
from dissectors.gbcs.canonical import noncanonical_length
from dissectors.gbcs.gbt import BLOCK, LAYER, STREAMING, TAG, WINDOW, Block, read_block
from dissectors.gbcs.names import CRA, eui64

__all__ = ["block_fields"]


def block_fields(octets: bytes) -> tuple[list[Field], list[Issue], Block | None]:
    """A block as fields, as far as it can be read."""
    try:
        block = read_block(octets)
    except DissectionError as error:
        words = f"{len(octets)} octets of a block that could not be read"
        return [Field("unread", octets, words, 0, len(octets), "message")], [Issue.of(error)], None
    spans = [
        ("tag", TAG, "general-ciphering", 1),
        ("transaction_id_length", 9, "9 octets", 1),
        ("cra_flag", block.cra, CRA.get(block.cra, f"unknown CRA flag {block.cra}"), 1),
        ("originator_counter", block.counter, f"counter {block.counter}", 8),
        ("originator_length", 8, "8 octets", 1),
        ("originator", block.originator.hex(), eui64(block.originator), 8),
        ("recipient_length", 8, "8 octets", 1),
        ("recipient", block.recipient.hex(), eui64(block.recipient), 8),
    ]
    out = Field("message_routing_header", None, "message routing header", 0, 0, "message")
    offset = 0
    for name, value, words, length in spans:
        out.children.append(Field(name, value, words, offset, length, "message"))
        offset += length
    offset = _counted(out, octets, offset, "date_time")
    offset = _counted(out, octets, offset, "other_information")
    offset = _counted(out, octets, offset, "key_info")
    length, after = read_length(octets, offset, len(octets), LAYER)
    out.children.append(Field("length", length, f"{length} octets follow", offset, after - offset, "message"))
    issues = [*noncanonical_length("the block", octets, offset, after, length)]
    place = after + 11
    issues += noncanonical_length("the block's data", octets, place, block.data_offset, len(block.data))
    out.children.append(Field("security_header", block.security, "security header", after, 5, "message"))
    out.length = after + 5
    return [out, _transfer(octets, block, after + 5)], issues, block


def _counted(out: Field, octets: bytes, offset: int, name: str) -> int:
    length = octets[offset]
    words = f"{length} octets" if length else "empty"
    out.children.append(Field(f"{name}_length", length, words, offset, 1, "message"))
    if length:
        value = octets[offset + 1 : offset + 1 + length]
        said = code_words(int.from_bytes(value, "big")) if name == "other_information" else value.hex()
        label = "message_code" if name == "other_information" else name
        out.children.append(Field(label, value, said, offset + 1, length, "message"))
    return offset + 1 + length


def _transfer(octets: bytes, block: Block, at: int) -> Field:
    last = "last block" if block.last else "more blocks follow"
    streaming = ", streaming" if block.control & STREAMING else ""
    words = f"{last}{streaming}, window {block.control & WINDOW}"
    size = len(block.data)
    children = [
        Field("tag", BLOCK, "general-block-transfer", at, 1, "message"),
        Field("block_control", block.control, words, at + 1, 1, "message"),
        Field("block_number", block.number, f"block {block.number}", at + 2, 2, "message"),
        Field("block_number_ack", block.acknowledged, f"up to {block.acknowledged}", at + 4, 2, "message"),
        Field("length", size, f"{size} octets", at + 6, block.data_offset - at - 6, "message"),
    ]
    if size:
        words = f"{size} octets of the message"
        children.append(Field("block_data", block.data, words, block.data_offset, size, "message"))
    end = len(octets)
    return Field("general_block_transfer", None, words, at, end - at, "message", children)
