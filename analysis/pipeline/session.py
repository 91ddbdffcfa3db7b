"""Session: all that one block of a capture has to hand on to the next.

Strategy: a capture is decoded strictly in order, and a frame sees the keys and addresses that were known when
it passed. What is learnt later still serves it, because the capture is then decoded once more from its start
with that *hindsight* (`Hindsight`): so the result depends neither on the size of the blocks nor on when a
retry happens to run, and counters, fragments and tunnels never run backwards. A live source cannot be read
twice; there `Session(ring=N)` keeps the last N shut frames and `reopen` tries them again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dissectors.context import AddressMap, HanContext
from dissectors.frame import Dissection, RawFrame
from dissectors.keyring import Key, Keyring

if TYPE_CHECKING:
    from analysis.pipeline.devices import Radios

__all__ = ["Hindsight", "Session", "copy_keyring"]

SECURITY = ("mac_security", "nwk_security", "aps_security")


@dataclass(slots=True)
class Hindsight:
    """What a first reading of a capture taught that its earlier frames could not know.

    Attributes:
        keys: learnt keys, each with the frame that taught it.
        addresses: first owner of each (PAN, short address).
    """

    keys: list[Key] = field(default_factory=list)
    addresses: dict[tuple[int, int], int] = field(default_factory=dict)


def copy_keyring(ring: Keyring) -> Keyring:
    """A keyring that can learn without changing `ring`; the entries themselves are shared."""
    return replace(
        ring,
        _scopes=set(),
        _counted=0,
        keys=list(ring.keys),
        install_codes=list(ring.install_codes),
        devices=dict(ring.devices),
        dlms=list(ring.dlms),
    )


@dataclass(slots=True, eq=False, repr=False)
class Shut:
    """Where shut frames were first seen, to tell whether a later key might have served them."""

    network: dict[int | None, int] = field(default_factory=dict)  # PAN -> first frame
    link: int | None = None  # first frame
    mac: int | None = None
    addressless: dict[tuple[int, int], int] = field(default_factory=dict)  # (PAN, short) -> first frame

    def note(self, columns: dict[str, Any], frame: int) -> None:
        """Take in one frame whose columns say that a key was missing."""
        pan = columns.get("mac_dst_pan", columns.get("mac_src_pan"))
        if columns.get("nwk_security") == "no_key":
            self.network.setdefault(pan, frame)
        if columns.get("mac_security") == "no_key" and self.mac is None:
            self.mac = frame
        if columns.get("aps_security") == "no_key":
            if self.link is None:
                self.link = frame
            short = columns.get("nwk_src")
            if columns.get("aps_sender") is None and pan is not None and short is not None:
                self.addressless.setdefault((pan, short), frame)

    def served_by(self, key: Key) -> bool:
        """Whether a frame before the one that taught `key` might be opened by it."""
        taught = key.first_frame or 0
        if key.kind == "network":
            firsts = [n for pan, n in self.network.items() if key.pan is None or pan in (None, key.pan)]
            if self.link is not None:
                firsts.append(self.link)
            return any(n < taught for n in firsts)
        first = self.link if key.kind == "link" else self.mac
        return first is not None and first < taught


class Session:
    """State of one decode.

    Args:
        keyring: keys given; copied, so that learning never changes the caller's.
        capture: name of the capture, for the tables.
        tables: the tables that are wanted; all by default.
        hindsight: what an earlier reading of the same capture taught.
        ring: how many shut frames to keep for `reopen`; 0 for none.

    Attributes:
        context: keys, addresses and the layers' memories, as dissectors take it.
        opened: frames opened, by origin of the key.
        refused: values that their column could not hold (a mistake of ours): ``table.column`` -> count.
        forgotten: entries of memories that outgrew their ceiling (`analysis.pipeline.ceilings`), by what they are.
        messages, items: rows of those tables that wait for the end of the block.
        messages_kept: by the numbers of messages that somebody asks for: each with its frames, once it was read.
        certificates: those that messages carried, by their octets (`analysis.pipeline.certificates`);
            `certificates_forgotten` more were not kept.
        last_time: capture time of the last frame of the last block, in ns; None where it has none.
    """

    def __init__(
        self,
        keyring: Keyring | None = None,
        *,
        capture: str = "",
        tables: Iterable[str] | None = None,
        hindsight: Hindsight | None = None,
        ring: int = 0,
    ) -> None:
        from analysis.pipeline.devices import Radios
        from analysis.tables.schema import TABLES

        self.context = HanContext(copy_keyring(keyring or Keyring()))
        self.given = len(self.context.keyring.keys)
        self.capture = capture
        self.tables = frozenset(TABLES if tables is None else tables)
        self.shut = Shut()
        self.opened: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.names: dict[int, str] = {}
        self.radios: Radios = Radios()
        self.messages: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []
        self.message_count = 0
        self.messages_kept: dict[int, tuple[Any, tuple[int, ...]] | None] = {}
        self.certificates: dict[bytes, Any] = {}
        self.certificates_forgotten = 0
        self.last_time: int | None = None
        self.secrets = 0
        self.forgotten: Counter[str] = Counter()
        self.frames = 0
        self.ring: deque[RawFrame] = deque(maxlen=ring)
        if hindsight is not None:
            self._remember(hindsight)

    def _remember(self, hindsight: Hindsight) -> None:
        for key in hindsight.keys:
            self.context.keyring.add(key)
        self.context.addresses = AddressMap(dict(hindsight.addresses), dict(hindsight.addresses))

    def wants(self, *tables: str) -> bool:
        """Whether any of `tables` was asked for."""
        return any(name in self.tables for name in tables)

    def learn_secrets(self, secrets: Iterable[Key]) -> None:
        """Hold the keys that the capture itself carries: `secrets` are all that it told so far."""
        new = list(secrets)[self.secrets :]
        self.secrets += len(new)
        for key in new:
            self.context.keyring.add(key)

    def refuse(self, where: str, value: object) -> None:
        """Count a value that its column cannot hold; `value` itself is not kept (it may be a secret)."""
        self.refused[where] += 1

    def note_shut(self, columns: dict[str, Any], raw: RawFrame) -> None:
        """Take in a frame, some layer of which stayed shut for want of a key."""
        self.shut.note(columns, raw.number)
        if self.ring.maxlen:
            self.ring.append(raw)

    def hindsight(self) -> Hindsight | None:
        """What another pass should know from the start; None when it would not open anything more."""
        keys = [k for k in self.context.keyring.keys[self.given :] if k.first_frame is not None]
        addresses = self.context.addresses
        useful = any(self.shut.served_by(key) for key in keys)
        useful = useful or any(pair in addresses.first for pair in self.shut.addressless)
        return Hindsight(keys, dict(addresses.first)) if useful else None

    def learnt(self) -> Hindsight:
        """All that was learnt, for who looks at single frames of the capture again."""
        return Hindsight(self.context.keyring.keys[self.given :], dict(self.context.addresses.first))

    def reopen(self) -> list[tuple[RawFrame, Dissection]]:
        """Try the shut frames of the ring again; those that opened leave it and are returned."""
        from dissectors import dissect_frame

        opened: list[tuple[RawFrame, Dissection]] = []
        for _ in range(len(self.ring)):
            raw = self.ring.popleft()
            found = dissect_frame(raw, self.context)
            if any(found.columns.get(layer) in ("no_key", "bad_mic") for layer in SECURITY):
                self.ring.append(raw)
            else:
                opened.append((raw, found))
        return opened
