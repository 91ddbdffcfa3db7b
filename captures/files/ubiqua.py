"""Ubiqua files (.cubx): an SQLite database with the frames, the keys, and names of devices.

Tables as found in real files: Packets (Id, Raw, Stack, Channel, Timestamp, TimeDelta, LQI, RSSI, Comment),
Keys (Key, Type), Addresses (Long, Short), Nodes (X, Y, Label), Metadata. A trailer of two octets is kept as
it is (ff ff when the sniffer gave none). Columns that a file lacks are unknown, not an error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from captures.block import NO_TIME, Lost
from captures.errors import CaptureError
from captures.files.batch import Batch
from captures.files.losses import Losses
from captures.files.records import Facts, Interface, Records
from captures.files.source import Source
from dissectors import Key
from dissectors.model import KeyKind

__all__ = ["MARK", "UbiquaReader"]

MARK = b"SQLite format 3\0"
LARGEST = 1 << 30
"""Octets of a file that comes from a stream or compressed, and so has to be held in memory."""
FILLED = 1 << 26
"""Octets by which a cut database is filled up at most."""
LONGEST = 1 << 20
"""Octets of one value; a longer one is damage."""
TROUBLE = (sqlite3.Error, ValueError, OverflowError)
COLUMNS = ("Id", "Raw", "Channel", "Timestamp", "LQI", "RSSI", "Comment")
KINDS = {"networkkey": "network", "linkkey": "link", "tclinkkey": "link", "applicationkey": "link"}


class UbiquaReader:
    """Reads one .cubx file.

    Raises:
        CaptureError: it is a database, but holds no table of packets.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.facts = Facts(interfaces=[Interface(195, "Ubiqua")])
        self.given = 0
        try:
            self.database = _open(source, self.facts.lost)
            self.database.text_factory = _text
            self.database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
            self.columns = self._columns("Packets")
        except TROUBLE as error:
            raise CaptureError(source.name, None, f"damaged SQLite database: {error}") from error
        if "Raw" not in self.columns:
            text = "an SQLite database without a Packets table"
            raise CaptureError(source.name, None, text, "only databases of Ubiqua can be read")
        self._keys()

    def __iter__(self) -> Iterator[Records]:
        wanted = [f'"{name}"' if name in self.columns else "NULL" for name in COLUMNS]
        query = f"SELECT {', '.join(wanted)} FROM Packets ORDER BY rowid"
        batch = Batch()
        try:
            for row in self.database.execute(query):
                self._frame(row, batch)
                if batch.full:
                    yield batch.taken()
        except TROUBLE as error:
            self.facts.lost.append(Lost(0, f"damaged after packet {self.given}: {error}"))
        if len(batch):
            yield batch.taken()
        self.database.close()

    def _columns(self, table: str) -> set[str]:
        """Names of the columns of a real table (a view may ask for endless work)."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        if not self.database.execute(query, (table,)).fetchall():
            return set()
        return {str(row[1]) for row in self.database.execute(f'PRAGMA table_info("{table}")')}

    def _frame(self, row: tuple[Any, ...], batch: Batch) -> None:
        number, octets, channel, time, lqi, rssi, comment = row
        if not isinstance(octets, bytes):
            self.facts.lost.append(Lost(0, f"packet {number} holds no octets", 1))
            return
        at = len(batch.octets)
        batch.octets.append(octets)
        batch.size += len(octets)
        batch.time_ns.append(_nanoseconds(time))
        batch.channel.append(channel if isinstance(channel, int) else 255)
        batch.lqi.append(lqi if isinstance(lqi, int) else 255)
        batch.rssi.append(rssi if isinstance(rssi, int) else -128)
        if comment and isinstance(comment, str):
            batch.comments[at] = comment
        self.given += 1

    def _keys(self) -> None:
        try:
            if not {"Key", "Type"} <= self._columns("Keys"):
                return
            rows = self.database.execute("SELECT Key, Type FROM Keys LIMIT 10000").fetchall()
        except TROUBLE as error:
            self.facts.lost.append(Lost(0, f"the keys cannot be read: {error}"))
            return
        for value, kind in rows:
            known = KINDS.get(str(kind).lower().replace(" ", "").replace("_", ""))
            if isinstance(value, bytes) and len(value) == 16:
                kept: KeyKind = "link" if known == "link" else "network"
                self.facts.keep([Key(kept, value, "capture secrets")])


def _open(source: Source, lost: Losses) -> sqlite3.Connection:
    """The database; a cut one is filled up with zeros, so that the pages which are there can be read."""
    head = source.peek(32)
    told = max(int.from_bytes(head[16:18], "big"), 1) * int.from_bytes(head[28:32], "big")
    if source.path is not None and (source.size or 0) >= told:
        uri = f"{source.path.absolute().as_uri()}?mode=ro&immutable=1"
        return sqlite3.connect(uri, uri=True, check_same_thread=False)
    octets = source.read_all(LARGEST)
    database = sqlite3.connect(":memory:", check_same_thread=False)
    if len(octets) < told <= LARGEST:
        lost.append(Lost(len(octets), f"cut: {len(octets)} of {told} octets are there"))
        octets += bytes(min(told, len(octets) + FILLED) - len(octets))
    database.deserialize(octets)
    return database


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _nanoseconds(time: Any) -> int:
    """Seconds since 1970 with a fraction; a microsecond is as fine as the number can tell."""
    if not isinstance(time, int | float) or not abs(time) < 9e9:
        return NO_TIME
    return round(time * 1e6) * 1000
