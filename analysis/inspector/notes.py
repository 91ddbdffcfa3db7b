"""What a person notes of frames: marks and words, kept in a file beside the capture, or as comments in a copy of it.

The capture itself is never touched. The file is JSON: ``schema`` 1, ``marks`` (frame numbers), ``notes``
(text by number).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from analysis.pipeline.source import ReopenableSource
from captures import with_comments, write_capture
from captures.whole_files import write_whole
from dissectors.text import printable

__all__ = ["Notes", "NotesError", "copy_with_notes"]

SCHEMA = 1
ENDING = ".notes.json"
MARKED = "marked"
"""The comment of a frame that is marked and of which nothing is noted."""
LONGEST = 4000
"""Letters of a note."""


class NotesError(ValueError):
    """Notes that cannot be read or written; in a sentence."""


@dataclass(slots=True)
class Notes:
    """Marks and notes of one capture.

    Attributes:
        marks: frame numbers. texts: by frame number.
        path: where they are kept; None where the capture is no file.
    """

    marks: set[int] = field(default_factory=set)
    texts: dict[int, str] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def of(cls, capture: Path | None) -> Notes:
        """Those that are kept beside a capture; none where nothing is.

        Raises:
            NotesError: the file there is not what this writes.
        """
        if capture is None:
            return cls()
        path = capture.with_name(capture.name + ENDING)
        try:
            told = json.loads(path.read_text("utf-8"))
            if told["schema"] != SCHEMA:
                raise NotesError(f"{path}: schema {told['schema']} is not {SCHEMA}")
            texts = {int(frame): printable(str(text))[:LONGEST] for frame, text in told["notes"].items()}
            return cls({int(frame) for frame in told["marks"]}, texts, path)
        except FileNotFoundError:
            return cls(path=path)
        except OSError as error:
            raise NotesError(f"{path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, NotesError):
                raise
            raise NotesError(f"{path}: no notes of the inspector") from None

    def mark(self, frame: int) -> None:
        """Mark a frame, or take its mark away."""
        self.marks ^= {frame}

    def note(self, frame: int, text: str) -> None:
        """Note `text` of a frame; nothing when it is empty."""
        text = printable(text.strip())[:LONGEST]
        if text:
            self.texts[frame] = text
        else:
            self.texts.pop(frame, None)

    def keep(self) -> None:
        """Write them beside the capture; a file that would be empty is not begun.

        Raises:
            NotesError: it cannot be written.
        """
        if self.path is None or not (self.marks or self.texts or self.path.exists()):
            return
        told = {
            "schema": SCHEMA,
            "marks": sorted(self.marks),
            "notes": {str(frame): text for frame, text in sorted(self.texts.items())},
        }
        try:
            write_whole(self.path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotesError(f"{self.path}: {error.strerror}") from None

    def comment(self, frame: int, before: str = "") -> str:
        """The comment of a frame in a copy: what the capture says of it, and what is noted."""
        own = self.texts.get(frame) or (MARKED if frame in self.marks else "")
        return "\n".join(dict.fromkeys(part for part in (before, own) if part))


def copy_with_notes(source: ReopenableSource, notes: Notes, target: Path) -> int:
    """Write the capture anew as pcapng, with notes as comments of its frames; returns the frames.

    Raises:
        NotesError: the target is there already.
        CaptureError: the capture cannot be read, or the copy not be written.
    """
    if target.exists():
        raise NotesError(f"{target} is there already")
    with source.open() as capture:  # names may stand behind the frames that they are for
        for _ in capture:
            pass
        names = dict(capture.names)
    with source.open() as capture:
        frames = with_comments(capture, notes.marks | notes.texts.keys(), notes.comment)
        return write_capture(target, frames, names=names, comments=capture.comments)
