"""Messages cut into blocks: the message routing header, general block transfer, and putting blocks together.

Source: GBCS 4.x section 7.2.11 and 10.2.3; DLMS Green Book general-block-transfer. No published message shows
it; the layout is that of two independent implementations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dissectors.gbcs.canonical import noncanonical_lengths
from dissectors.gbcs.envelope import RoutingHeader
from dissectors.layout import Layer, Length, Octets, UInt
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field, Issue

__all__ = [
    "LAST", "Block", "Reassembly", "Stream", "block_fields", "block_message_code", "build_blocks", "read_block",
    "read_headers", "reassemble",
]  # fmt: skip

LAYER = "gbcs.gbt"
BLOCK = 0xE0
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

    @property
    def header(self) -> RoutingHeader:
        """The layer in front of the block."""
        code = self.message_code.to_bytes(2, "big") if self.message_code is not None else b""
        return RoutingHeader(
            cra_flag=self.cra, originator_counter=self.counter, originator=self.originator, recipient=self.recipient,
            date_time=self.date_time, message_code=code + self.information, key_info=self.key_info,
            security_header=self.security,
        )  # fmt: skip


class BlockTransfer(Layer):
    """One block of a message (Green Book, general-block-transfer)."""

    name = "general-block-transfer"
    title = "general_block_transfer"
    parts = (
        UInt("tag", None, 1, only=BLOCK, names={BLOCK: "general-block-transfer"}),
        UInt("block_control", 0, 1, names=lambda v: _control_words(v)),
        UInt("block_number", 0, 2, order="big", names=lambda v: f"block {v}"),
        UInt("block_number_ack", 0, 2, order="big", names=lambda v: f"up to {v}"),
        Length("length", "block_data", names=lambda v: f"{v} octets"),
        Octets("block_data", lambda h: h.length, names=lambda v: f"{len(v)} octets of the message"),
    )


def _control_words(control: int) -> str:
    last = "last block" if control & LAST else "more blocks follow"
    streaming = ", streaming" if control & STREAMING else ""
    return f"{last}{streaming}, window {control & WINDOW}"


def _layers(octets: bytes) -> tuple[RoutingHeader, BlockTransfer, DissectionError | None]:
    """The two layers of a block, as far as they can be read, and what is wrong."""
    cursor = Cursor(octets, layer=LAYER)
    header = RoutingHeader.read(cursor)
    error = header.error
    if error is None:
        length, start = header.fields["length"], cursor.offset - 5
        if start + length > len(octets):
            error = Truncated(length, len(octets) - start, layer=LAYER, offset=start)
        cursor.end = min(start + length, len(octets))
    block = BlockTransfer.read(cursor)
    error = error or block.error
    if error is None and cursor.offset < len(octets):
        text = f"{len(octets) - cursor.offset} octets left over"
        error = Malformed(text, layer=LAYER, offset=cursor.offset)
    return header, block, error


def read_headers(octets: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of the routing header and of the block transfer, as far as they can be read."""
    header, block, _ = _layers(octets)
    return header.fields, block.fields


def block_message_code(header: dict[str, Any]) -> int | None:
    """The message code of a routing header; None where it has none."""
    information = header.get("message_code") or b""
    return int.from_bytes(information[:2], "big") if len(information) >= 2 else None


def read_block(octets: bytes) -> Block:
    """One block.

    Raises:
        Truncated, Malformed: what does not fit, with its offset.
    """
    header, block, error = _layers(octets)
    if error is not None:
        raise error
    head, body = header.fields, block.fields
    information = head["message_code"]
    code = block_message_code(head)
    return Block(
        head["cra_flag"], head["originator_counter"], head["originator"], head["recipient"], code,
        body["block_control"], body["block_number"], body["block_number_ack"], body["block_data"],
        block.end - len(body["block_data"]), head["security_header"], head["date_time"],
        information if code is None else information[2:], head["key_info"],
    )  # fmt: skip


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
    body = bytes(
        BlockTransfer(
            block_control=control, block_number=number, block_number_ack=header.acknowledged, block_data=data
        )
    )
    routing = header.header
    routing.length = len(header.security) + len(body)
    return bytes(routing) + body


def block_fields(octets: bytes) -> tuple[list[Field], list[Issue]]:
    """A block as fields, as far as it can be read."""
    header, block, error = _layers(octets)
    fields = [header.tree("message", meaning=header.name)]
    if header.error is None:
        fields.append(block.tree("message", meaning=_control_words(block.block_control)))
    issues = [] if error is None else [Issue.of(error)]
    return fields, [*issues, *noncanonical_lengths(header, block)]
