"""Tables to files of a folder while a capture is decoded; a pass made in vain leaves nothing there."""

from __future__ import annotations

from pathlib import Path

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.pipeline.writer_process import text_beside
from analysis.tables.output import TEXTS, Folder
from analysis.tables.writer_thread import WriterThread

__all__ = ["FolderSink"]


class FolderSink(Sink):
    """Writes tables to files of a folder.

    Attributes:
        rows: written so far, by table.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.tables = folder.tables
        self.places: list[Path] = []

    def restart(self, decode_pass: DecodePass) -> None:
        self.folder.begin(text_beside(decode_pass) if self.folder.format in TEXTS else WriterThread)
        self.rows = dict.fromkeys(self.folder.tables, 0)

    def take(self, block: DecodedBlock) -> None:
        for table, batch in block.batches.items():
            if table in self.rows:
                self.rows[table] += len(batch)
                self.folder.write(table, batch)

    def end(self, decode_pass: DecodePass) -> None:
        self.places = self.folder.finish()

    def abandon(self) -> None:
        self.folder.abandon()
