"""Where frames come from: files, sniffers, and the simulated home area network."""

from captures.block import BLOCK_FRAMES, FcsState, FrameBlock, Kind, Lost, TrailerKind
from captures.capture import Capture, open_capture
from captures.errors import CaptureError, CaptureMissing, UnknownFormat, UnsupportedLinkType

__all__ = [
    "BLOCK_FRAMES",
    "Capture",
    "CaptureError",
    "CaptureMissing",
    "FcsState",
    "FrameBlock",
    "Kind",
    "Lost",
    "TrailerKind",
    "UnknownFormat",
    "UnsupportedLinkType",
    "open_capture",
]
