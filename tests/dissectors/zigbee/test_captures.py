"""Frames that others captured: read whole, cut anywhere, opened as often as can be."""

import tomllib
from pathlib import Path

import pytest

from captures import open_capture
from captures.errors import CaptureError
from dissectors import dissect_frame
from dissectors.model.context import HanContext
from dissectors.model.frame import RawFrame
from dissectors.model.keyring import Key, Keyring
from tests.dissectors.zigbee.test_frames import whole

FIRST = 400
"""Frames of each capture that are looked at."""


def held_keys(shared: Path) -> HanContext:
    text = tomllib.loads((shared / "captures" / "keys.toml").read_text("utf-8"))
    keys = [Key("network", bytes.fromhex(k["key"])) for k in text["network_key"]]
    return HanContext(Keyring(keys + [Key("link", bytes.fromhex(k["key"])) for k in text["link_key"]]))


def frames_of(path: Path, limit: int | None = None) -> list[RawFrame]:
    frames: list[RawFrame] = []
    try:
        with open_capture(path) as capture:
            for block in capture:
                frames.extend(block.frames())
                if limit and len(frames) >= limit:
                    return frames[:limit]
    except CaptureError:
        pass  # a link type that is not radio
    return frames


def test_every_frame_is_read_whole_and_every_shape_cut_anywhere(shared: Path, shared_capture: Path) -> None:
    context, shapes = held_keys(shared), {}
    for frame in frames_of(shared_capture, FIRST):
        out = dissect_frame(frame, context)
        whole(out)
        shapes.setdefault((out.columns["protocol"], out.columns["summary"]), frame)
    for frame in list(shapes.values())[:12]:
        for length in range(len(frame.octets)):
            whole(dissect_frame(RawFrame(frame.octets[:length], frame.trailer), context))


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        ("zbtk_trace.pcap", 53),
        ("whad_zigbee_philips_hue_association.pcap", 192),
        ("kb_control4-sample.pcap", 194),
    ],
)
def test_frames_that_open(shared: Path, name: str, opened: int) -> None:
    context = held_keys(shared)
    outs = [dissect_frame(frame, context) for frame in frames_of(shared / "captures" / name)]
    assert sum(bool(out.opened) for out in outs if out.columns.get("fcs_ok") is not False) == opened


def test_control4_needs_no_key(shared: Path) -> None:
    """Its network key is sent in clear; frames before that open too, when they are tried again."""
    context = HanContext()
    frames = frames_of(shared / "captures" / "kb_control4-sample.pcap")
    outs = [dissect_frame(frame, context) for frame in frames]
    assert len(context.keyring.keys) == 1 and context.keyring.keys[0].first_frame is not None
    outs = [
        dissect_frame(f, context) if out.shut_reason else out for f, out in zip(frames, outs, strict=True)
    ]
    good = [out for out in outs if out.columns["fcs_ok"]]
    assert sum(bool(out.opened) for out in good) == 194
    assert not any(out.shut_reason for out in good)


LOOKALIKES = {
    "whad_rf4ce_pairing_keystrokes_audio.pcap": {"802.15.4", "RF4CE"},
    "jelle_hardcoded_802_15_4.pcap": {"6LoWPAN", "Beacon"},
    "tcpdump_802_15_4-data.pcap": {"6LoWPAN"},
    "salties_llsec_broadcast_disabled.pcap": {"6LoWPAN"},
    "salties_llsec_unicast_enabled.pcap": {"802.15.4"},
    "zigator_09-mle-testing.pcap": {"Thread MLE"},
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_look_alikes_are_named_and_not_taken_for_zigbee(shared: Path, name: str) -> None:
    frames = frames_of(shared / "captures" / name, 1000)
    protocols = {dissect_frame(frame, HanContext()).columns["protocol"] for frame in frames}
    assert protocols == LOOKALIKES[name]
