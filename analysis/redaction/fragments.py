"""Blocks of fragmented payloads: the whole is redacted when it is complete, and each block gets its part."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from analysis.redaction.blanking import Buffers
from dissectors import Dissection, Field
from dissectors.zigbee import ApsHeader

__all__ = ["Blocks"]


@dataclass(slots=True)
class Block:
    """One block as a frame carries it."""

    number: int
    old: bytes
    buffers: Buffers
    leaf: Field

    def write(self, octets: bytes) -> None:
        """Replace the block."""
        self.buffers[self.leaf.buffer][self.leaf.offset : self.leaf.end] = octets


@dataclass(slots=True)
class Blocks:
    """The blocks met so far, by who sent them to whom (as in `dissectors.zigbee.aps.fragments`)."""

    under_way: dict[Hashable, list[Block]] = field(default_factory=dict)
    done: dict[Hashable, dict[tuple[int, bytes], bytes]] = field(default_factory=dict)

    def take(self, found: Dissection, buffers: Buffers) -> None:
        """Take in the block that a frame carries, if it does; a set that it completes is written back."""
        leaf = _block_leaf(found)
        header = next((layer for _, layer in found.layers if isinstance(layer, ApsHeader)), None)
        if leaf is None or header is None:
            return
        ends = tuple(header.get(n) for n in ("src_endpoint", "dst_endpoint", "profile", "cluster", "counter"))
        columns = found.columns
        pan = columns.get("mac_dst_pan", columns.get("mac_src_pan"))
        sender = (pan, columns.get("nwk_src"), columns.get("nwk_dst"), *ends)
        number = 0 if header.fragment() == 1 else header.block
        block = Block(number, bytes(leaf.value), buffers, leaf)
        known = self.done.get(sender, {}).get((number, block.old))
        if known is not None:
            block.write(known)
        blocks = self.under_way.setdefault(sender, [])
        blocks.append(block)
        whole = next((name for name in found.buffers if name.startswith("reassembled")), None)
        if whole is not None:
            self._complete(sender, blocks, found.buffers[whole], bytes(buffers[whole]))

    def _complete(self, sender: Hashable, blocks: list[Block], old: bytes, new: bytes) -> None:
        held = {block.number: block.old for block in blocks}
        parts = self.done.setdefault(sender, {})
        at = 0
        for number in sorted(held):
            end = at + len(held[number])
            if old[at:end] == held[number]:
                parts[number, held[number]] = new[at:end]
            at = end
        for block in blocks:
            known = parts.get((block.number, block.old))
            if known is not None:
                block.write(known)
        del self.under_way[sender]


def _block_leaf(found: Dissection) -> Field | None:
    return next((leaf for leaf in _leaves(found) if leaf.meaning == "fragment" and leaf.value), None)


def _leaves(found: Dissection) -> Iterator[Field]:
    for branch in found.fields:
        yield from branch.leaves()
