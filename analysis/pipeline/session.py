"""Session: all that one block of a capture has to hand on to the next.

Strategy: a capture is decoded strictly in order, and a frame sees the keys and addresses that were known when
it passed. What is learnt later still serves it, because the capture is then decoded once more from its start
with that *hindsight* (`Hindsight`): so the result depends neither on the size of the blocks nor on when a
retry happens to run, and counters, fragments and tunnels never run backwards. A live source cannot be read
twice from its start; there the last stretch is held, and decoded again (`analysis.pipeline.live`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from analysis import exchanges
from analysis.pipeline.devices import Radios
from analysis.pipeline.kept import KeptMessages
from analysis.tables.schema import TABLES
from captures.plug_ins import load_clusters
from dissectors import HanContext, Key, Keyring
from dissectors.model import AddressMap
from dissectors.security import Openings

if TYPE_CHECKING:
    from analysis.exchanges import ExchangeTracker

__all__ = ["Hindsight", "Session", "copy_keyring"]

NEEDED = {"exchanges": ("packets", "attributes", "commands", "messages"), "events": ("messages",)}
"""Tables that others are told from."""
MESSAGES = ("messages", "items", "events", "certificates")
"""Tables that are made of what messages say."""
SECURITY = ("mac_security", "nwk_security", "aps_security")


@dataclass(slots=True)
class Hindsight:
    """What a first reading of a capture taught that its earlier frames could not know.

    Attributes:
        keys: learnt keys, each with the frame that taught it.
        addresses: first owner of each (PAN, short address).
        hits: which key opened what, to be tried first (`dissectors.security.Openings`); teaches nothing.
    """

    keys: list[Key] = field(default_factory=list)
    addresses: dict[tuple[int, int], int] = field(default_factory=dict)
    hits: dict[tuple[object, ...], bytes] = field(default_factory=dict, compare=False, repr=False)


def with_needed(tables: Iterable[str]) -> frozenset[str]:
    """Tables, with those that they are told from."""
    wanted = set(tables)
    return frozenset(wanted.union(*(NEEDED.get(table, ()) for table in wanted)))


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

    def __bool__(self) -> bool:
        """Whether there were any."""
        return bool(self.network) or self.link is not None or self.mac is not None

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

    def served(self, keys: Iterable[Key], addresses: AddressMap) -> bool:
        """Whether some of them might be opened by what is known by now."""
        return any(map(self.served_by, keys)) or any(pair in addresses.first for pair in self.addressless)

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

    Attributes:
        context: keys, addresses and the layers' memories, as dissectors take it.
        tables: those that are wanted, and those that they are told from.
        reads_messages: some of them need messages read, or numbered at least.
        tells_carriers: the rows of frames say which message they carry.
        exchanges: what tells exchanges; None where they are not wanted.
        opened: frames opened, by origin of the key.
        refused: values that their column could not hold (a mistake of ours): ``table.column`` -> count.
        forgotten: entries of memories that outgrew their ceiling (`analysis.pipeline.ceilings`), by what they are.
        messages, items, events: rows of those tables that wait for the end of the block.
        kept: messages that somebody asked for, once they were read.
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
    ) -> None:
        load_clusters()
        self.context = HanContext(copy_keyring(keyring or Keyring()))
        self.given = len(self.context.keyring.keys)
        self.capture = capture
        self.tables = with_needed(TABLES if tables is None else tables)
        # Asked for each frame that carries a message.
        self.reads_messages = self.wants("packets", "messages", "items", "certificates")
        self.tells_carriers = self.wants("packets")
        # What only some decodes want is loaded with its first use (`dissectors.modules`).
        wanted = "exchanges" in self.tables
        self.exchanges: ExchangeTracker | None = exchanges.ExchangeTracker() if wanted else None
        self.shut = Shut()
        self.opened: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.names: dict[int, str] = {}
        self.radios = Radios()
        self.messages: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.message_count = 0
        self.kept = KeptMessages()
        self.certificates: dict[bytes, Any] = {}
        self.certificates_forgotten = 0
        self.last_time: int | None = None
        self.secrets = 0
        self.forgotten: Counter[str] = Counter()
        self.frames = 0
        if hindsight is not None:
            self.remember(hindsight)

    def remember(self, hindsight: Hindsight) -> None:
        """Know from now on what was learnt later."""
        for key in hindsight.keys:
            self.context.keyring.add(key)
        self.context.state(Openings).hits.update(hindsight.hits)
        addresses = self.context.addresses
        for pair, eui64 in hindsight.addresses.items():
            addresses.pairs.setdefault(pair, eui64)
            addresses.first.setdefault(pair, eui64)

    def wants(self, *tables: str) -> bool:
        """Whether any of `tables` was asked for."""
        return not self.tables.isdisjoint(tables)

    def shows_messages(self) -> bool:
        """Whether anybody looks at messages themselves: at more than that a packet carried one."""
        return self.wants(*MESSAGES) or bool(self.kept.numbers or self.kept.frames)

    def learn_secrets(self, secrets: Iterable[Key]) -> None:
        """Hold the keys that the capture itself carries: `secrets` are all that it told so far."""
        new = list(secrets)[self.secrets :]
        self.secrets += len(new)
        for key in new:
            self.context.keyring.add(key)

    def refuse(self, where: str, value: object) -> None:
        """Count a value that its column cannot hold; `value` itself is not kept (it may be a secret)."""
        self.refused[where] += 1

    def used_keys(self) -> list[Key]:
        """Keys that the capture carries or taught, and those that were given and opened something."""
        return [key for key in self.context.keyring.keys if key.brought or self.opened.get(key.origin)]

    def hindsight(self, *earlier: Shut) -> Hindsight | None:
        """What another pass should know from the start; None when it would not open anything more, neither of the
        frames that are noted in `shut`, nor of those in `earlier`."""
        found = self.learnt(told=True)
        useful = any(shut.served(found.keys, self.context.addresses) for shut in (self.shut, *earlier))
        return found if useful else None

    def learnt(self, *, told: bool = False) -> Hindsight:
        """All that was learnt, for who decodes frames again; `told`: of the keys only those that frames told."""
        keys = self.context.keyring.keys[self.given :]
        if told:
            keys = [key for key in keys if key.first_frame is not None]
        return Hindsight(keys, dict(self.context.addresses.first), self.context.state(Openings).hits)
