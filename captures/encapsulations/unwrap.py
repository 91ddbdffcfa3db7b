"""From records to blocks: takes encapsulations off, judges the trailers, checks the check sequences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from captures.block import FcsState, FrameBlock, Kind, TrailerKind
from captures.encapsulations import internet, link_layers, ppi, radio, tap, user
from captures.encapsulations.draft import JUDGED, JUDGED_NONE, Draft, Rows, start
from captures.fcs import fcs32, remainders
from captures.files.records import Interface, Records
from captures.framing import LOOKED_AT as FRAMED
from captures.framing import Framing, find_framing
from captures.gather import gather
from captures.trailer import ENOUGH, Judgement, RssiScale
from dissectors.vectors import unique_values

__all__ = ["SUPPORTED", "Unwrapper"]

SUPPORTED: dict[int, Callable[[Draft, Rows], None]] = {
    195: radio.with_fcs,
    215: radio.non_ask_phy,
    230: radio.no_fcs,
    283: tap.unwrap,
    1: link_layers.ethernet,
    113: link_layers.sll,
    276: link_layers.sll2,
    0: internet.loopback,
    108: internet.loopback,
    12: internet.raw_ip,
    14: internet.raw_ip,
    101: internet.raw_ip,
    228: internet.raw_ip,
    229: internet.raw_ip,
}
"""Link types (https://www.tcpdump.org/linktypes.html) whose records can carry IEEE 802.15.4 frames."""
SUPPORTED[ppi.LINK_TYPE] = partial(ppi.unwrap, inside=SUPPORTED)
SUPPORTED |= dict.fromkeys(user.LINK_TYPES, user.leave)
SENDERS = 1024
"""Senders of one capture whose signal strengths are told apart; the others are judged as one."""

LOOKED_AT = 128 * ENOUGH
"""Rows of a block in which frames are sought that tell what the trailers are."""


class Unwrapper:
    """Makes blocks of one capture's records, in order; keeps the judgement of each interface's trailers."""

    def __init__(self) -> None:
        self.judgements: dict[tuple[int, TrailerKind], Judgement] = {}
        self.framings: dict[int, tuple[int, Framing]] = {}  # frames looked at, and what they showed
        self.forms: dict[int, user.UserForm | None] = {}
        self.scales: dict[tuple[int, int], RssiScale] = {}
        self.count = 0

    def block(self, records: Records, interfaces: list[Interface]) -> FrameBlock:
        """The block of `records`."""
        link_types = np.array([one.link_type for one in interfaces], np.uint16)
        draft = start(records, link_types, self.count + 1)
        self.count += len(records)
        block = draft.block
        for link_type in _distinct(block.link_type):
            rows = np.flatnonzero(block.link_type == link_type)
            take_off = SUPPORTED.get(link_type)
            if take_off is None:
                block.kind[rows] = Kind.PACKET
            elif link_type in user.LINK_TYPES:
                self._user(draft, rows)
            else:
                take_off(draft, rows)
        self._judge(draft)
        _cut(draft)
        self.check(block, draft.sender)
        return block

    def text(self) -> str:
        """What the trailers were judged to be, one sentence an interface."""
        said = [f"interface {key[0]}: {found.text()}" for key, found in self.judgements.items()]
        for interface, (_, framing) in self.framings.items():
            if framing != Framing():
                said.append(f"interface {interface}: {framing.text()}")
        for interface, form in self.forms.items():
            said.append(
                f"interface {interface}: {form.name if form else 'no form of radio frames'} (user link type)"
            )
        return "; ".join(said)

    def _user(self, draft: Draft, rows: Rows) -> None:
        """Records of user link types: the form of each interface is found out from its first ones."""
        block = draft.block
        for interface in _distinct(block.interface[rows]):
            mine = rows[block.interface[rows] == interface]
            if self.forms.get(interface) is None:
                self.forms[interface] = user.find_form(block, mine)
            form = self.forms[interface]
            (form.unwrap if form else user.leave)(draft, mine)

    def _judge(self, draft: Draft) -> None:
        block = draft.block
        for mark, declared in ((JUDGED, TrailerKind.FCS16), (JUDGED_NONE, TrailerKind.ABSENT)):
            marked = block.trailer == mark
            if not marked.any():
                continue
            for interface in _distinct(block.interface[marked]):
                rows = np.flatnonzero(marked & (block.interface == interface))
                declared = self._frame(draft, rows, interface, declared)
                found = self.judgements.setdefault((interface, declared), Judgement(declared))
                self._observe(draft, rows, found)
                block.trailer[rows] = found.kind
                if found.placeholder:
                    _strip(draft, rows)

    def _frame(self, draft: Draft, rows: Rows, interface: int, declared: TrailerKind) -> TrailerKind:
        """Take off what the sniffer left around the frames; the trailer that is declared now."""
        block = draft.block
        seen, framing = self.framings.get(interface, (0, Framing()))
        if seen < FRAMED:
            part = rows[:LOOKED_AT]
            whole = part[(block.kind[part] == Kind.RADIO) & (draft.wire[part] == block.length[part])][:FRAMED]
            if len(whole):
                framing = find_framing(block.data, block.offset[whole], block.length[whole])
                self.framings[interface] = (seen + len(whole), framing)
        if framing == Framing():
            return declared
        rows = rows[(block.kind[rows] == Kind.RADIO) & (block.length[rows] > framing.before)]
        block.offset[rows] += framing.before
        block.length[rows] -= framing.before
        draft.wire[rows] -= framing.before
        behind = np.minimum(framing.behind, draft.wire[rows])
        draft.wire[rows] -= behind
        block.length[rows] = np.minimum(block.length[rows], draft.wire[rows])
        return TrailerKind.ABSENT if framing.unchecked else declared

    def _observe(self, draft: Draft, rows: Rows, found: Judgement) -> None:
        """Let the judgement see frames, until it is settled; and again when it no longer fits."""
        block = draft.block
        rows = rows[:LOOKED_AT]
        whole = rows[(block.kind[rows] == Kind.RADIO) & (block.length[rows] >= 3)]
        whole = whole[draft.wire[whole] == block.length[whole]][: 16 * ENOUGH]
        if found.settled:
            if found.declared is TrailerKind.ABSENT or len(whole) < ENOUGH:
                return
            fresh = Judgement(found.declared)
            _count(block, whole[: 2 * ENOUGH], fresh)
            if fresh.kind is found.kind:
                return
            found.forget()
        _count(block, whole, found)

    def check(self, block: FrameBlock, sender: npt.NDArray[np.int64] | None = None) -> None:
        """Fill `fcs`, and what TI metadata say, for all rows with a trailer; `sender` as in `Draft`."""
        sender = np.zeros(len(block), np.int64) if sender is None else sender
        radio_rows = block.kind == Kind.RADIO
        rows = np.flatnonzero(radio_rows & (block.trailer == TrailerKind.FCS16))
        if len(rows):
            _check16(block, rows)
        rows = np.flatnonzero(radio_rows & (block.trailer == TrailerKind.TI))
        if len(rows):
            self._metadata(block, rows, sender)
        for row in np.flatnonzero(radio_rows & (block.trailer == TrailerKind.FCS32)).tolist():
            octets = block.octets(row)
            right = fcs32(octets[:-4]) == octets[-4:]
            block.fcs[row] = FcsState.GOOD if right else FcsState.BAD

    def _metadata(self, block: FrameBlock, rows: Rows, sender: npt.NDArray[np.int64]) -> None:
        last = _last(block, rows)
        block.fcs[rows] = np.where(last & 0x8000, FcsState.GOOD, FcsState.BAD)
        raw = (last & 0xFF).astype(np.uint8).view(np.int8)
        offsets = self._rssi_offsets(block.interface[rows], sender[rows], raw)
        rssi = np.clip(raw.astype(np.int16) + offsets, -127, 127).astype(np.int8)
        unknown = block.rssi[rows] == -128
        block.rssi[rows[unknown]] = rssi[unknown]
        without = ~block.has_lqi[rows]
        block.lqi[rows[without]] = ((last >> 8) & 0x7F).astype(np.uint8)[without]
        block.has_lqi[rows[without]] = True

    def _rssi_offsets(
        self, interface: npt.NDArray[np.uint16], sender: npt.NDArray[np.int64], raw: npt.NDArray[np.int8]
    ) -> npt.NDArray[np.int16]:
        """What each RSSI octet lacks to dBm, as its sender's are judged."""
        out = np.zeros(len(raw), np.int16)
        senders, place = np.unique(sender, return_inverse=True)
        for number in _distinct(interface):
            for which, one in enumerate(senders.tolist()):
                mine = (place == which) & (interface == number)
                if not mine.any():
                    continue
                key = (
                    (number, one)
                    if (number, one) in self.scales or len(self.scales) < SENDERS
                    else (number, -1)
                )
                scale = self.scales.setdefault(key, RssiScale())
                scale.observe(raw[mine])
                out[mine] = scale.offset
        return out


def _distinct(values: npt.NDArray[np.uint16]) -> list[int]:
    """The different values; nearly always there is one."""
    if len(values) and (values == values[0]).all():
        return [int(values[0])]
    return unique_values(values)


def _strip(draft: Draft, rows: Rows) -> None:
    """Take placeholders off: they say nothing of the frame."""
    block = draft.block
    rows = rows[(block.trailer[rows] == TrailerKind.FCS16) & (block.length[rows] >= 2)]
    rows = rows[draft.wire[rows] == block.length[rows]]
    last = _last(block, rows)
    rows = rows[(last == 0xFFFF) | (last == 0)]
    block.length[rows] -= 2
    draft.wire[rows] -= 2
    block.trailer[rows] = TrailerKind.ABSENT


def _last(block: FrameBlock, rows: Rows) -> npt.NDArray[np.uint16]:
    """The last two octets, the first of them in the low bits."""
    return gather(block.data, block.offset[rows] + block.length[rows] - 2, "<u2")


def _count(block: FrameBlock, rows: Rows, found: Judgement) -> None:
    offset, length = block.offset[rows], block.length[rows]
    found.observe(block.data[offset], length, _last(block, rows), remainders(block.data, offset, length))


def _check16(block: FrameBlock, rows: Rows) -> None:
    rest = remainders(block.data, block.offset[rows], block.length[rows])
    block.fcs[rows] = np.where(rest == 0, FcsState.GOOD, FcsState.BAD)


def _cut(draft: Draft) -> None:
    """Frames that the snap length cut have lost their trailer; frames too short for one have none."""
    block = draft.block
    octets = np.array([kind.octets for kind in TrailerKind], np.int64)[block.trailer]
    missing = np.maximum(draft.wire - block.length, 0)
    missing[block.kind != Kind.RADIO] = 0
    for row in np.flatnonzero(missing > 0).tolist():
        block.length[row] = max(int(block.length[row]) - max(int(octets[row] - missing[row]), 0), 0)
        draft.issue(row, f"cut by the snap length: {int(missing[row])} octets are missing")
        block.trailer[row] = TrailerKind.ABSENT
    short = (block.length < octets) & (block.kind == Kind.RADIO) & (block.trailer != TrailerKind.ABSENT)
    for row in np.flatnonzero(short).tolist():
        block.trailer[row] = TrailerKind.ABSENT
        draft.issue(row, f"{int(block.length[row])} octets: too short for a frame check sequence")
