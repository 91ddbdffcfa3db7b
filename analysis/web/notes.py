"""Notes about frames: those that the capture brings as comments of pcapng, and those that people write on the page.

Strategy: a capture is never written into. What people write is held by the server, and goes into the comments of the
copies that they export.
"""

from __future__ import annotations

from typing import Any

from analysis.pipeline.source import ReopenableSource
from analysis.web.captures_held import CapturesHeld, Held
from analysis.web.endpoints import BadRequest
from captures import CaptureError

__all__ = ["note", "notes", "notes_of"]

Given = dict[str, Any]
MOST, LONGEST, MOST_TOLD = 5_000, 4_000, 10_000
"""Notes that people write, characters of one, and notes that are told, at most."""


def notes(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """All notes of a capture, by frame; `own` are those that were written here."""
    one = held.called(given["capture"])
    own, told = one.notes, notes_of(one)
    rows = [{"frame": frame, "text": told[frame], "own": frame in own} for frame in sorted(told)[:MOST_TOLD]]
    return {"schema": 1, "notes": rows, "total": len(told)}


def note(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Write a note about a frame; an empty one takes it back, also what the capture says."""
    one, number = held.called(given["capture"]), given["number"]
    if one.there().place_of(number) is None:
        raise BadRequest(f"no frame {number}", 404)
    try:
        text = given["body"].decode("utf-8").strip()
    except UnicodeDecodeError:
        raise BadRequest("a note is a text in UTF-8") from None
    if len(text) > LONGEST:
        raise BadRequest(f"a note has {LONGEST:,} characters at most", 413)
    if len(one.notes) >= MOST and number not in one.notes:
        raise BadRequest(f"{MOST:,} notes were written already: export them", 409)
    said = _said(one)
    if text == said.get(number, ""):
        one.notes.pop(number, None)
    else:
        one.notes[number] = text
    return {"schema": 1, "frame": number, "text": text}


def notes_of(held: Held) -> dict[int, str]:
    """What is noted of each frame by now."""
    return {frame: text for frame, text in {**_said(held), **held.notes}.items() if text}


def _said(held: Held) -> dict[int, str]:
    """Comments that the capture brings, by frame. Raises BadRequest: it can no longer be read."""
    if held.path is None:  # it is still speaking: what is kept now
        return {frame: text for block in held.there().source for frame, text in block.comments.items()}
    if held.comments is None:
        try:
            with ReopenableSource(held.path) as replay, replay.open() as capture:
                held.comments = {frame: text for block in capture for frame, text in block.comments.items()}
        except (CaptureError, OSError) as error:
            raise BadRequest(str(error), 409) from None
    return held.comments
