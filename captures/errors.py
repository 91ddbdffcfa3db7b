"""What reading or writing a capture raises: one root, with the place and a way out."""

from __future__ import annotations

__all__ = ["CaptureError", "CaptureMissing", "UnknownFormat", "UnsupportedLinkType"]


class CaptureError(Exception):
    """A capture could not be read or written at all.

    What can be read in part is read in part: see `captures.Capture.lost`.

    Args:
        path: name of the capture, as the caller gave it.
        offset: octet offset in the (decompressed) capture; None when it is about the whole of it.
        text: what is wrong, in one sentence.
        hint: what the person may do about it; empty when there is nothing to say.
    """

    def __init__(self, path: str, offset: int | None, text: str, hint: str = "") -> None:
        super().__init__(path, offset, text, hint)
        self.path = path
        self.offset = offset
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.path}: {self.place}{self.text}"

    @property
    def place(self) -> str:
        """Where it is, for people: ``offset 0x1c:`` and a space, or nothing when it is about the whole."""
        return "" if self.offset is None else f"offset 0x{self.offset:x}: "


class CaptureMissing(CaptureError):
    """The file is not there or may not be opened."""


class UnknownFormat(CaptureError):
    """The octets are of no capture format that is known."""


class UnsupportedLinkType(CaptureError):
    """No record of the capture can carry an IEEE 802.15.4 frame (Bluetooth, USB ...)."""
