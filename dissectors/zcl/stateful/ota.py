"""Firmware as it goes over the air: blocks put together per server, client and image (ZCL 11.13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dissectors.model.context import HanContext
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import DecodedCommand
from dissectors.zcl.reading import Reading
from dissectors.zcl.stateful.ota_image import Image, image_size, read_image

__all__ = ["Download", "DownloadKey", "Downloads", "downloads", "follow_ota"]

QUERY_RESPONSES = (0x02, 0x09)
BLOCK_RESPONSE, UPGRADE_END = 0x05, 0x06


class DownloadKey(NamedTuple):
    """Whose image goes to whom: server and client as EUI-64 (or short address while that is unknown)."""

    server: int | None
    client: int | None
    manufacturer: int
    image_type: int
    version: int


@dataclass(slots=True)
class Download:
    """One image on its way.

    Attributes:
        size: octets of the file, from the query response or the file's own header; None while unknown.
        blocks: octets by offset, as they came.
        frames: first and last frame that carried a block.
        conflicts: offsets whose octets came twice and differed.
        status: status of the client's upgrade end request.
    """

    key: DownloadKey
    size: int | None = None
    blocks: dict[int, bytes] = field(default_factory=dict)
    frames: tuple[int, int] | None = None
    conflicts: list[int] = field(default_factory=list)
    status: int | None = None
    reported: bool = False

    def add(self, offset: int, octets: bytes, frame: int) -> None:
        """Take a block; a repeated one counts once, the longer one wins."""
        held = self.blocks.get(offset, b"")
        shared = min(len(held), len(octets))
        if held[:shared] != octets[:shared]:
            self.conflicts.append(offset)
        if len(octets) >= len(held):
            self.blocks[offset] = octets
        first = self.frames[0] if self.frames else frame
        self.frames = (first, frame)
        if self.size is None and offset == 0:
            self.size = image_size(octets)

    def missing(self) -> list[tuple[int, int]]:
        """Ranges (first, one past the last) that have not come, up to the size, or to the last block."""
        gaps, position = [], 0
        for offset in sorted(self.blocks):
            if offset > position:
                gaps.append((position, offset))
            position = max(position, offset + len(self.blocks[offset]))
        if self.size is not None and position < self.size:
            gaps.append((position, self.size))
        return gaps

    @property
    def received(self) -> int:
        """Octets that have come, each counted once."""
        end = max((o + len(b) for o, b in self.blocks.items()), default=0)
        if self.size is not None:
            end = max(end, self.size)
        return end - sum(last - first for first, last in self.missing())

    @property
    def complete(self) -> bool:
        return self.size is not None and bool(self.blocks) and not self.missing()

    def octets(self) -> bytes:
        """The file; octets that are missing are 0."""
        end = max((o + len(b) for o, b in self.blocks.items()), default=0)
        out = bytearray(end if self.size is None else max(end, min(self.size, 1 << 26)))
        for offset, block in self.blocks.items():
            out[offset : offset + len(block)] = block
        return bytes(out if self.size is None else out[: self.size])

    def image(self) -> Image:
        """The file, dissected."""
        return read_image(self.octets())


@dataclass(slots=True)
class Downloads:
    """All downloads of a capture."""

    of: dict[DownloadKey, Download] = field(default_factory=dict)


def downloads(context: HanContext) -> list[Download]:
    """Every image that went over the air so far, complete or not, in the order in which they began."""
    return list(context.state(Downloads).of.values())


def follow_ota(reading: Reading, command: Command, found: DecodedCommand) -> None:
    """Take note of an OTA Upgrade command: sizes, blocks, the end of a download."""
    values = found.values
    key = _key(reading, values)
    if key is None:
        return
    held = reading.context.state(Downloads).of
    if command.id in QUERY_RESPONSES and values.get("status") == 0 and "image_size" in values:
        held.setdefault(key, Download(key)).size = values["image_size"]
    elif command.id == BLOCK_RESPONSE and values.get("status") == 0:
        octets = values.get("image_data")
        if isinstance(octets, bytes) and octets:
            download = held.setdefault(key, Download(key))
            download.add(values["file_offset"], octets, reading.envelope.frame)
            _report_image(reading, download)
    elif command.id == UPGRADE_END and key in held:
        _end(reading, held[key], values.get("status"))


def _key(reading: Reading, values: dict[str, Any]) -> DownloadKey | None:
    numbers = [values.get(name) for name in ("manufacturer_id", "image_type", "file_version")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    ends = (reading.source, reading.destination)
    server, client = ends if reading.to_client else ends[::-1]
    return DownloadKey(server, client, *numbers)  # type: ignore[arg-type]


def _report_image(reading: Reading, download: Download) -> None:
    if download.reported or not _may_be_complete(download) or not download.complete:
        return
    download.reported = True
    image = download.image()
    text = f"image complete: {len(image.octets)} octets, {image.kind}, SHA-256 {image.sha256}"
    reading.issue("note", 0, text)
    for offset in sorted(set(download.conflicts)):
        reading.issue("warning", 0, f"the block at offset {offset} came twice, with other octets")


def _may_be_complete(download: Download) -> bool:
    """A cheap look before the blocks are gone through: enough octets for the size, and an end to them."""
    size, last = download.size, next(reversed(download.blocks))
    if size is None:
        return False
    # The block that completes an image is mostly its last one; the sum is only taken then, or now and again.
    if last + len(download.blocks[last]) < size and len(download.blocks) % 64:
        return False
    return sum(len(block) for block in download.blocks.values()) >= size


def _end(reading: Reading, download: Download, status: int | None) -> None:
    download.status = status
    gaps = download.missing() if not download.complete else []
    if status == 0 and gaps:
        ranges = ", ".join(f"{first}-{last - 1}" for first, last in gaps[:8])
        more = f" and {len(gaps) - 8} more" if len(gaps) > 8 else ""
        reading.issue("warning", 0, f"the client has the image, these octets were not seen: {ranges}{more}")
    elif status == 0 and not download.reported and download.complete:
        download.reported = True
        text = f"image complete: {download.size} octets, SHA-256 {download.image().sha256}"
        reading.issue("note", 0, text)
