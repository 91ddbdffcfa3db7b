"""Messages cut into blocks: the message routing header, general block transfer, and putting blocks together.

Source: GBCS 4.x section 7.2.11 and 10.2.3; DLMS Green Book general-block-transfer. No published message shows
it; the layout is that of two independent implementations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dissectors.cursor import Cursor
from dissectors.dlms.lengths import build_length, read_length
from dissectors.errors import DissectionError, Malformed
from dissectors.field import Field, Issue
from dissectors.gbcs.alerts import code_words
from dissectors.gbcs.canonical import noncanonical_length
from dissectors.gbcs.names import CRA, eui64

__all__ = ["Block", "Reassembly", "block_fields", "build_blocks", "read_block", "reassemble"]

LAYER = "gbcs.gbt"
_TAG, _BLOCK = 0xDD, 0xE0
_LAST, _STREAMING, _WINDOW = 0x80, 0x40, 0x3F
BlockKey = tuple[bytes, int, int, bytes]


@dataclass(frozen=True, slots=True)
class Block:
    """One block: to which message it belongs, its number (from 1), and its octets.

    `information` is what other-information holds behind the message code; it, `date_time` and `key_info` are
    empty in what GBCS describes.
    """

    cra: int
    counter: int
    originator: bytes
    recipient: bytes
    message_code: int | None
    control: int
    number: int
    acknowledged: int
    data: bytes
    data_offset: int
    security: bytes
    date_time: bytes = b""
    information: bytes = b""
    key_info: bytes = b""

    @property
    def last(self) -> bool:
        return bool(self.control & _LAST)

    @property
    def key(self) -> BlockKey:
        """What blocks of one message have in common: originator, counter, CRA flag, recipient."""
        return self.originator, self.counter, self.cra, self.recipient


def read_block(octets: bytes) -> Block:
    """One block.

    Raises:
        Truncated, Malformed: what does not fit, with its offset.
    """
    cursor = Cursor(octets, layer=LAYER)
    _expect(cursor, _TAG, "general-ciphering tag")
    _expect(cursor, 9, "transaction-id length")
    cra, counter = cursor.u8(), cursor.u64be()
    _expect(cursor, 8, "originator length")
    originator = cursor.take(8)
    _expect(cursor, 8, "recipient length")
    recipient = cursor.take(8)
    date_time = cursor.take(cursor.u8())
    information = cursor.take(cursor.u8())
    key_info = cursor.take(cursor.u8())
    length, cursor.offset = read_length(octets, cursor.offset, cursor.end, LAYER)
    with cursor.window(length):
        security = cursor.take(5)
        _expect(cursor, _BLOCK, "general-block-transfer tag")
        control, number, acknowledged = cursor.u8(), cursor.u16be(), cursor.u16be()
        size, cursor.offset = read_length(octets, cursor.offset, cursor.end, LAYER)
        start = cursor.offset
        data = cursor.take(size)
    if cursor.remaining:
        raise Malformed(f"{cursor.remaining} octets left over", layer=LAYER, offset=cursor.offset)
    code = int.from_bytes(information[:2], "big") if len(information) >= 2 else None
    return Block(
        cra, counter, originator, recipient, code, control, number, acknowledged, data, start, security,
        date_time, information if code is None else information[2:], key_info,
    )  # fmt: skip


def _expect(cursor: Cursor, value: int, name: str) -> None:
    at, got = cursor.offset, cursor.u8()
    if got != value:
        raise Malformed(f"{name} {got:02x}, {value:02x} expected", layer=LAYER, offset=at)


@dataclass(slots=True)
class Reassembly:
    """A message put together from its blocks.

    Attributes:
        octets: the whole message; empty while blocks are missing.
        missing: block numbers that have not come; with no last block yet, 0 stands for "and the end".
        issues: repeats that say something else, blocks behind the last one.
    """

    key: BlockKey
    octets: bytes = b""
    missing: list[int] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.missing


def reassemble(blocks: Iterable[Block]) -> list[Reassembly]:
    """Messages from blocks in any order, repeats allowed; one result for each message spoken of."""
    messages: dict[BlockKey, dict[int, Block]] = {}
    results: dict[BlockKey, Reassembly] = {}
    for block in blocks:
        held = messages.setdefault(block.key, {})
        result = results.setdefault(block.key, Reassembly(block.key))
        if not block.data and not block.last:
            continue  # acknowledges blocks of the other side, carries none
        known = held.get(block.number)
        if known is not None and known.data != block.data:
            text = f"block {block.number} came twice with different octets; the first is kept"
            result.issues.append(Issue("warning", LAYER, block.data_offset, text))
        held.setdefault(block.number, block)
    for key, held in messages.items():
        _join(results[key], held)
    return list(results.values())


def _join(result: Reassembly, held: dict[int, Block]) -> None:
    ends = [number for number, block in held.items() if block.last]
    end = min(ends) if ends else max(held, default=0)
    result.missing = [number for number in range(1, end + 1) if number not in held]
    if not ends:
        result.missing.append(0)
    beyond = [number for number in held if ends and number > end]
    if beyond:
        text = f"blocks {', '.join(map(str, sorted(beyond)))} behind the last block {end}"
        result.issues.append(Issue("warning", LAYER, 0, text))
    if result.missing:
        names = [f"block {n}" if n else "the last block" for n in result.missing]
        result.issues.append(Issue("error", LAYER, 0, f"missing: {', '.join(names)}"))
        return
    result.octets = b"".join(held[number].data for number in range(1, end + 1))


def build_blocks(message: bytes, *, size: int, header: Block) -> list[bytes]:
    """`message` cut into blocks of at most `size` octets, with the ids and counter of `header`.

    Raises:
        Malformed: a size that is not positive.
    """
    if size < 1:
        raise Malformed("blocks must hold at least one octet", layer=LAYER)
    parts = [message[i : i + size] for i in range(0, len(message), size)] or [b""]
    return [build_block(header, part, index, last=index == len(parts)) for index, part in enumerate(parts, 1)]


def build_block(header: Block, data: bytes, number: int, *, last: bool) -> bytes:
    """One block with the routing header of `header`."""
    control = (header.control & ~_LAST) | (_LAST if last else 0)
    body = bytes((_BLOCK, control)) + number.to_bytes(2, "big") + header.acknowledged.to_bytes(2, "big")
    body += build_length(len(data)) + data
    inner = header.security + body
    information = header.message_code.to_bytes(2, "big") if header.message_code is not None else b""
    information += header.information
    routing = bytes((_TAG, 9, header.cra)) + header.counter.to_bytes(8, "big")
    routing += b"\x08" + header.originator + b"\x08" + header.recipient
    for part in (header.date_time, information, header.key_info):
        routing += bytes((len(part),)) + part
    return routing + build_length(len(inner)) + inner


def block_fields(octets: bytes) -> tuple[list[Field], list[Issue], Block | None]:
    """A block as fields, as far as it can be read."""
    try:
        block = read_block(octets)
    except DissectionError as error:
        words = f"{len(octets)} octets of a block that could not be read"
        return [Field("unread", octets, words, 0, len(octets), "message")], [Issue.of(error)], None
    spans = [
        ("tag", _TAG, "general-ciphering", 1),
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
    streaming = ", streaming" if block.control & _STREAMING else ""
    words = f"{last}{streaming}, window {block.control & _WINDOW}"
    size = len(block.data)
    children = [
        Field("tag", _BLOCK, "general-block-transfer", at, 1, "message"),
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
