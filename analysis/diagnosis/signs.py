"""What tells of steps: the rows of the table `exchanges`, with the attributes that they ask for, and what refusals say.

Strategy: exchanges stay a table; only what a step takes of it is looked at (`analysis.diagnosis.judging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.arrow import numpy_of
from analysis.tables.frames import frame_of
from analysis.tables.python_values import rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "SignSink"]

COLUMNS = (
    "exchange", "kind", "name", "use_case", "initiator", "responder", "outcome", "status", "missing", "start",
    "first_frame", "last_frame", "message", "answered",
)  # fmt: skip
READ, SUCCESS = 0, 0
"""Read Attributes, and the status of a record that holds a value (ZCL 07-5123 2.5.1, 2.6.3)."""
OBJECTS_NAMED = 3


class SignSink(Sink):
    """Keeps exchanges, devices, and what is said of each exchange.

    Attributes:
        asked: attribute names that reads ask for, by exchange. refused: those of them that were not given.
        reasons: results other than success in responses, by the number of the command.
        parties: originator and recipient of each message, by its number.
    """

    tables = ("packets", "exchanges", "attributes", "messages", "items", "devices")

    def restart(self, decode_pass: DecodePass | None) -> None:
        self.asked: dict[int, set[str]] = {}
        self.refused: dict[int, set[str]] = {}
        self.reasons: dict[int, str] = {}
        self.parties: dict[int, tuple[str, str]] = {}
        self._answers: dict[int, int] = {}
        self._batches: dict[str, list[Any]] = {"exchanges": [], "devices": []}

    def take(self, block: DecodedBlock) -> None:
        self.see(block.batches)

    def see(self, batches: Mapping[str, Any]) -> None:
        """Take in batches by table."""
        for table, kept in self._batches.items():
            if table in batches:
                kept.append(batches[table])
        if "attributes" in batches and "packets" in batches:
            self._read(batches["packets"], batches["attributes"])
        for row in rows_of(batches["messages"]) if "messages" in batches else ():
            self.parties[row["message"]] = str(row.get("originator", "")), str(row.get("recipient", ""))
            if row.get("outcome") == "failure" and row.get("answers"):
                self._answers[row["message"]] = row["answers"]
        if self._answers and "items" in batches:
            self._reason(rows_of(batches["items"]))

    def _read(self, packets: Any, attributes: Any) -> None:
        if not len(attributes) or not len(packets):
            return
        command, status = numpy_of(attributes.column("command"))[0], numpy_of(attributes.column("status"))
        frames, exchange = (
            numpy_of(packets.column("frame"))[0],
            numpy_of(packets.column("exchange"))[0],
        )
        frame = numpy_of(attributes.column("frame"))[0]
        at = np.minimum(np.searchsorted(frames, frame), len(frames) - 1)
        known = (frames[at] == frame) & (exchange[at] > 0)
        for place in (known & (command == READ)).nonzero()[0].tolist():
            self._note(self.asked, attributes, place, int(exchange[at[place]]))
        for place in (known & (command != READ) & status[1] & (status[0] != SUCCESS)).nonzero()[0].tolist():
            self._note(self.refused, attributes, place, int(exchange[at[place]]))

    @staticmethod
    def _note(into: dict[int, set[str]], attributes: Any, place: int, exchange: int) -> None:
        name = attributes.column("attribute_name")[place].as_py()
        number = attributes.column("attribute")[place].as_py()
        into.setdefault(exchange, set()).add(name or f"0x{number or 0:04x}")

    def _reason(self, items: Iterable[Mapping[str, Any]]) -> None:
        for row in items:
            command = self._answers.get(row["message"])
            result = row.get("result")
            if command is None or not result or str(result).lower() == "success":
                continue
            text = f"{row['object']}: {result}" if row.get("object") not in (None, "result") else str(result)
            known = self.reasons.get(command, "")
            if text not in known.split("; ") and known.count(";") < OBJECTS_NAMED - 1:
                self.reasons[command] = f"{known}; {text}" if known else text

    def devices(self) -> list[dict[str, Any]]:
        """The rows of the table `devices`, addresses as hex digits, empty texts where nothing is known."""
        table = self._table("devices")
        named = table[["eui64", "short", "role", "name", "frames"]]
        return [{key: "" if value is None else value for key, value in row.items()} for row in _plain(named)]

    def exchanges(self) -> pd.DataFrame:
        """The table `exchanges`: `COLUMNS`, ends as EUI-64 in hex digits where a device is known by its short address;
        ``answered`` whether an answer was heard."""
        table = self._table("exchanges")
        table["answered"] = table["time_to_answer"].notna()
        long = {row["short"]: row["eui64"] for row in self.devices() if row["short"] and row["eui64"]}
        for end in ("initiator", "responder"):
            table[end] = table[end].map(lambda address: long.get(address, address), na_action="ignore")
        found = table[list(COLUMNS)].copy()
        for name in ("exchange", "start", "first_frame", "last_frame", "message"):
            whole = found[name] if name == "start" else found[name].fillna(0)
            found[name] = whole.astype("int64")
        for name in ("name", "use_case", "initiator", "responder", "status", "missing"):
            found[name] = found[name].astype(object).where(found[name].notna(), "")
        return found

    def _table(self, name: str) -> pd.DataFrame:
        import pyarrow as pa

        from analysis.tables.arrow import empty_table

        kept = self._batches[name]
        whole = pa.Table.from_batches(kept).unify_dictionaries() if kept else empty_table(name)
        return frame_of(name, whole)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    import pandas as pd

    rows = table.astype(object).to_dict("records")
    return [{str(key): None if pd.isna(value) else value for key, value in row.items()} for row in rows]
