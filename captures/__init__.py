"""Where frames come from: files, sniffers, and the simulated home area network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures.block import BLOCK_FRAMES, FcsState, FrameBlock, Kind, Lost, TrailerKind, with_comments
from captures.capture import Capture, CaptureFacts, open_capture
from captures.errors import CaptureError, CaptureMissing, UnknownFormat, UnsupportedLinkType
from captures.frame import CapturedFrame, captured_frames
from dissectors.modules import answer_to_former_names, public_names

if TYPE_CHECKING:
    from captures.writer import CaptureWriter, write_capture
    from dissectors import Field

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
    "with_comments",
    "write_capture",
]


def encapsulation_fields(record: bytes, link_type: int, frame: tuple[int, int] | None = None) -> list[Field]:
    """The headers around a radio frame as a field tree; see `captures.encapsulations.tree`."""
    from captures.encapsulations import tree  # only those who look at one record load it

    return tree.encapsulation_fields(record, link_type, frame)


# Who only reads captures does not load what writes them.
WRITING = ("CaptureWriter", "write_capture")
__getattr__, __dir__, _ = public_names(__name__, {"writer": " ".join(WRITING)})
MOVED = {
    "captures.fields": "captures.encapsulations.tree",
    "captures.files.gather": "captures.gather",
    "captures.encapsulations.plausible": "captures.plausible",
}
"""Former names of modules, and where they are now; those of the simulated home stand in `captures.simulated`."""
answer_to_former_names(MOVED)
