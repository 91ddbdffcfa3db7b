"""Reads a capture whole, for tests."""

import io
from dataclasses import dataclass, field

from captures import CapturedFrame, FrameBlock, Kind, Lost, captured_frames, open_capture
from dissectors.model.keyring import Key


@dataclass
class Whole:
    rows: list[CapturedFrame] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    blocks: list[FrameBlock] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    secrets: list[Key] = field(default_factory=list)
    link_types: list[int] = field(default_factory=list)
    judgement: str = ""


def whole(source: object) -> Whole:
    """Everything in a capture given as octets, path or file."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else source
    out = Whole()
    with open_capture(opened, name="test") as capture:  # type: ignore[arg-type]
        for block in capture:
            out.blocks.append(block)
            out.rows += captured_frames(block)
            out.kinds += [Kind(int(kind)) for kind in block.kind]
        out.lost, out.comments, out.names = capture.lost, capture.comments, capture.names
        out.secrets, out.link_types = capture.secrets, capture.link_types
        out.judgement = capture.trailer_judgement
    return out
