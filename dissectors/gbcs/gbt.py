"""Messages cut into blocks: the message routing header, general block transfer, and putting blocks together.

Source: GBCS 4.x section 7.2.11 and 10.2.3; DLMS Green Book general-block-transfer. No published message shows
it; the layout is that of two independent implementations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dissectors.cursor import Cursor
from dissectors.dlms.lengths import build_length, read_length
from dissectors.errors import Malformed
from dissectors.field import Issue

__all__ = ["Block", "Reassembly", "Stream", "build_blocks", "read_block", "reassemble"]

LAYER = "gbcs.gbt"
TAG, BLOCK = 0xDD, 0xE0
LAST, STREAMING, WINDOW = 0x80, 0x40, 0x3F
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
        return bool(self.control & LAST)

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
    _expect(cursor, TAG, "general-ciphering tag")
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
        _expect(cursor, BLOCK, "general-block-transfer tag")
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


NAMED = 8
"""Block numbers that a sentence names; further ones are counted."""


@dataclass(slots=True)
class Stream:
    """The blocks of one message, as they come; the first of those with one number is kept.

    Attributes:
        held: blocks by number.
        end: number of the last block; None while it has not come.
        size: octets of the blocks that are kept.
    """

    held: dict[int, Block] = field(default_factory=dict)
    end: int | None = None
    size: int = 0
    _next: int = 1  # the first number that has not come

    def add(self, block: Block) -> Issue | None:
        """Take in a block, in constant time; an issue where it says something else than one with its number."""
        if not block.data and not block.last:
            return None  # acknowledges blocks of the other side, carries none
        known = self.held.setdefault(block.number, block)
        if known is not block:
            if known.data == block.data:
                return None
            text = f"block {block.number} came twice with different octets; the first is kept"
            return Issue("warning", LAYER, block.data_offset, text)
        self.size += len(block.data)
        if block.last:
            self.end = block.number if self.end is None else min(self.end, block.number)
        while self._next in self.held:
            self._next += 1
        return None

    @property
    def complete(self) -> bool:
        """Every block up to the last one is there."""
        return self.end is not None and self._next > self.end

    @property
    def octets(self) -> bytes:
        """The message, when it is complete."""
        return b"".join(self.held[number].data for number in range(1, (self.end or 0) + 1))


def reassemble(blocks: Iterable[Block]) -> list[Reassembly]:
    """Messages from blocks in any order, repeats allowed; one result for each message spoken of."""
    messages: dict[BlockKey, Stream] = {}
    results: dict[BlockKey, Reassembly] = {}
    for block in blocks:
        result = results.setdefault(block.key, Reassembly(block.key))
        issue = messages.setdefault(block.key, Stream()).add(block)
        if issue is not None:
            result.issues.append(issue)
    for key, stream in messages.items():
        _join(results[key], stream)
    return list(results.values())


def _join(result: Reassembly, stream: Stream) -> None:
    held, end = stream.held, stream.end
    top = max(held, default=0) if end is None else end
    result.missing = [number for number in range(1, top + 1) if number not in held]
    if end is None:
        result.missing.append(0)
    beyond = [number for number in held if end is not None and number > end]
    if beyond:
        text = f"blocks {_listed(map(str, sorted(beyond)))} behind the last block {end}"
        result.issues.append(Issue("warning", LAYER, 0, text))
    if result.missing:
        names = [f"block {n}" if n else "the last block" for n in result.missing]
        result.issues.append(Issue("error", LAYER, 0, f"missing: {_listed(names)}"))
        return
    result.octets = stream.octets


def _listed(names: Iterable[str]) -> str:
    """The first and the last of them, and how many there are between."""
    some = list(names)
    if len(some) > NAMED:
        some[NAMED - 1 : -1] = [f"{len(some) - NAMED:,} more"]
    return ", ".join(some)


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
    control = (header.control & ~LAST) | (LAST if last else 0)
    body = bytes((BLOCK, control)) + number.to_bytes(2, "big") + header.acknowledged.to_bytes(2, "big")
    body += build_length(len(data)) + data
    inner = header.security + body
    information = header.message_code.to_bytes(2, "big") if header.message_code is not None else b""
    information += header.information
    routing = bytes((TAG, 9, header.cra)) + header.counter.to_bytes(8, "big")
    routing += b"\x08" + header.originator + b"\x08" + header.recipient
    for part in (header.date_time, information, header.key_info):
        routing += bytes((len(part),)) + part
    return routing + build_length(len(inner)) + inner
