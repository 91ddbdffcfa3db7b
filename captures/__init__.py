"""Where frames come from: files, sniffers, and the simulated home area network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures.block import BLOCK_FRAMES, FcsState, FrameBlock, Kind, Lost, TrailerKind
from captures.capture import Capture, CaptureFacts, open_capture
from captures.errors import CaptureError, CaptureMissing, UnknownFormat, UnsupportedLinkType
from dissectors.deferred import deferred

if TYPE_CHECKING:
    from captures.writer import CapturedFrame, CaptureWriter, captured_frames, write_capture
    from dissectors.field import Field

__all__ = [
    "BLOCK_FRAMES",
    "Capture",
    "CaptureError",
    "CaptureFacts",
    "CaptureMissing",
    "CaptureWriter",
    "CapturedFrame",
    "FcsState",
    "FrameBlock",
    "Kind",
    "Lost",
    "TrailerKind",
    "UnknownFormat",
    "UnsupportedLinkType",
    "captured_frames",
    "encapsulation_fields",
    "open_capture",
    "write_capture",
]


def encapsulation_fields(record: bytes, link_type: int, frame: tuple[int, int] | None = None) -> list[Field]:
    """The headers around a radio frame as a field tree; see `captures.fields.encapsulation_fields`."""
    from captures import fields  # construct is heavy: only those who look at one record pay for it

    return fields.encapsulation_fields(record, link_type, frame)


# Who only reads captures does not load what writes them.
WRITING = ("CapturedFrame", "CaptureWriter", "captured_frames", "write_capture")
__getattr__ = deferred(__name__, dict.fromkeys(WRITING, "writer"))
