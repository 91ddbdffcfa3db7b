"""Tunnel sessions, key establishments and firmware downloads: ZCL commands of one pair of devices that belong together.

Sources: ZSE 1.2 annex D.6 (tunneling), annex C (key establishment); ZCL 07-5123 chapter 11 (OTA upgrade).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from analysis.exchanges.answers import CLUSTER, LAYER, named_cluster, said
from analysis.exchanges.desk import Desk, Entry, Scene
from analysis.exchanges.kinds import KINDS, SECOND, kind_number

__all__ = ["Downloads", "Establishments", "Tunnels"]

Pair = tuple[int, int]
"""Client and server of a cluster, as ``pan << 16 | short address``."""


def command_of(code: int) -> str:
    """The name of a cluster command; empty for a general one."""
    return said(code).name.partition(": ")[2] if code >> LAYER == CLUSTER else ""


def pair_of(scene: Scene, row: int, code: int) -> Pair:
    """Client and server, whoever of them speaks."""
    by, to = int(scene.frames.sent_by[row]), int(scene.frames.sent_to[row])
    return (to, by) if code >> 24 & 1 else (by, to)


def begin(desk: Desk, scene: Scene, kind: str, row: int, code: int, name: str, missing: str = "") -> Entry:
    """A session of client and server begins."""
    parties = [scene.initiator(row), scene.responder(row)]
    client, server = parties[::-1] if code >> 24 & 1 else parties
    entry = desk.begin(scene, kind, row, client, server, name)
    if missing:
        entry.missing.append(missing)
    return entry


def late(entry: Entry, time: int) -> bool:
    """Whether an entry was silent for longer than it is held."""
    return time - entry.touched > int(KINDS[kind_number(entry.kind)].held * SECOND)


@dataclass(slots=True)
class Tunnels:
    """Open tunnel sessions by pair and number, and requests for one by pair."""

    cluster: int = field(default_factory=lambda: named_cluster("Tunneling"))
    asked: dict[Pair, Entry] = field(default_factory=dict)
    open: dict[tuple[Pair, int], Entry] = field(default_factory=dict)

    def see(self, desk: Desk, scene: Scene, row: int, code: int, repeated: bool) -> None:
        """One command of the cluster."""
        command, pair = command_of(code), pair_of(scene, row, code)
        fields = scene.fields(scene.frame(row))
        number = fields.get("tunnel_id", (0, ""))[0]
        if command == "Request Tunnel":
            before = self.asked.get(pair)
            if before is not None and not before.answered and not late(before, scene.time(row)):
                before.retries += 1
            else:
                self.asked[pair] = begin(desk, scene, "tunnel", row, code, "tunnel")
            desk.belongs(scene, row, self.asked[pair])
        elif command == "Request Tunnel Response":
            self._opened(desk, scene, row, code, pair, number, *fields.get("tunnel_status", (0, "")))
        elif command in ("Close Tunnel", "Tunnel Closure Notification"):
            entry = self._session(desk, scene, row, code, pair, number)
            entry.settle("ok", "closed" if command == "Close Tunnel" else "closed by the server")
            entry.done = True
        elif command and number:
            self._session(desk, scene, row, code, pair, number)

    def _opened(
        self, desk: Desk, scene: Scene, row: int, code: int, pair: Pair, number: int, status: int, words: str
    ) -> None:
        entry = self.asked.get(pair)
        if entry is None or late(entry, scene.time(row)):
            entry = self.asked[pair] = begin(desk, scene, "tunnel", row, code, "tunnel", "request")
        desk.belongs(scene, row, entry)
        if entry.answered:  # the answer again
            return
        entry.answered = scene.time(row)
        if status:
            entry.settle("refused", words or f"status 0x{status:02x}")
            entry.done = True
            return
        self._replaced(pair, number, scene.time(row))
        entry.name = f"tunnel {number}"
        self.open[pair, number] = entry

    def _replaced(self, pair: Pair, number: int, time: int) -> None:
        """What the pair had open is over: renewed by a tunnel of another number, or opened anew."""
        for (whose, its), before in list(self.open.items()):
            if whose == pair and not before.done:
                before.settle("ok", "renewed" if its != number else "opened anew")
                before.done, before.not_before = True, max(before.not_before, time)
                del self.open[whose, its]

    def _session(self, desk: Desk, scene: Scene, row: int, code: int, pair: Pair, number: int) -> Entry:
        entry = self.open.get((pair, number))
        if entry is None or (entry.done and late(entry, scene.time(row))):
            entry = begin(desk, scene, "tunnel", row, code, f"tunnel {number}", "opening")
            self.open[pair, number] = entry
        desk.belongs(scene, row, entry)
        return entry

    def forget(self, closed: Entry) -> None:
        """Let go of an entry that was closed."""
        self.asked = {key: one for key, one in self.asked.items() if one is not closed}
        self.open = {key: one for key, one in self.open.items() if one is not closed}


@dataclass(slots=True)
class Establishments:
    """Key establishments by client and server."""

    cluster: int = field(default_factory=lambda: named_cluster("Key Establishment"))
    open: dict[Pair, Entry] = field(default_factory=dict)
    asked: dict[Pair, int] = field(default_factory=dict)

    def see(self, desk: Desk, scene: Scene, row: int, code: int, repeated: bool) -> None:
        """One command of the cluster."""
        command, pair, time = command_of(code), pair_of(scene, row, code), scene.time(row)
        if not command:
            return
        pair = pair if pair in self.open or (pair[1], pair[0]) not in self.open else (pair[1], pair[0])
        entry = self.open.get(pair)
        begins = command == "Initiate Key Establishment Request"
        if entry is None or late(entry, time) or (begins and (entry.answered or entry.done)):
            if entry is not None and not entry.done:
                entry.settle("failed", "the device began again")
            entry = begin(desk, scene, "key-establishment", row, code, "CBKE", "" if begins else "initiation")
            self.open[pair] = entry
        desk.belongs(scene, row, entry)
        if command.endswith("Request"):
            self.asked[pair] = int(scene.handle[row])
        if not begins:
            entry.answered = entry.answered or time
        if command == "Terminate Key Establishment":
            self._terminated(desk, scene, row, pair, entry)
        elif command == "Confirm Key Data Response":
            entry.settle("ok", "the key was confirmed")
            entry.done = True

    def _terminated(self, desk: Desk, scene: Scene, row: int, pair: Pair, entry: Entry) -> None:
        status, words = scene.fields(scene.frame(row)).get("status_code", (0, ""))
        text = f"terminated: {words or f'status {status}'}"
        entry.settle("refused", text)
        entry.done = True
        if pair in self.asked:
            desk.verdicts[self.asked.pop(pair)] = scene.time(row), True, text

    def numbered(self, numbers: Callable[[int], int]) -> None:
        """The handles of a block have become numbers."""
        self.asked = {pair: numbers(handle) for pair, handle in self.asked.items() if pair in self.open}

    def forget(self, closed: Entry) -> None:
        """Let go of an entry that was closed."""
        self.open = {key: one for key, one in self.open.items() if one is not closed}


@dataclass(slots=True)
class Downloads:
    """Firmware downloads by client and server."""

    cluster: int = field(default_factory=lambda: named_cluster("OTA Upgrade"))
    open: dict[Pair, Entry] = field(default_factory=dict)

    def see(self, desk: Desk, scene: Scene, row: int, code: int, repeated: bool) -> None:
        """One command of the cluster."""
        command, pair, time = command_of(code), pair_of(scene, row, code), scene.time(row)
        entry = self.open.get(pair)
        if entry is not None and late(entry, time):
            entry = None
        fields = scene.fields(scene.frame(row)) if command in VERDICTS else {}
        status, words = fields.get("status", (0, ""))
        offered = command == "Query Next Image Response" and not status
        blocks = command.startswith(("Image Block", "Image Page"))
        if entry is None or (offered and entry.done):
            if not (offered or blocks or command == "Upgrade End Request"):
                return
            entry = begin(desk, scene, "ota", row, code, "firmware download", "" if offered else "query")
            self.open[pair] = entry
        desk.belongs(scene, row, entry)
        if offered and "file_version" in fields:
            entry.name = f"firmware download, version 0x{fields['file_version'][0]:08x}"
        if blocks:
            entry.answered = entry.answered or time
        if command == "Upgrade End Request":
            entry.settle("failed" if status else "ok", words or "the image is complete")
            entry.done = True
        elif status and command == "Image Block Response":
            entry.settle("refused", words or f"status 0x{status:02x}")

    def forget(self, closed: Entry) -> None:
        """Let go of an entry that was closed."""
        self.open = {key: one for key, one in self.open.items() if one is not closed}


VERDICTS = ("Query Next Image Response", "Upgrade End Request", "Image Block Response")
"""OTA commands whose fields are read."""
