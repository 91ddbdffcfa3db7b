"""What crosses blocks: shut frames that a live source opens later, hindsight, and a keyring left alone."""

from pathlib import Path

import pytest

from analysis.keys.keyfile import read_keys_text
from analysis.pipeline.blocks import decode_block
from analysis.pipeline.session import Session, copy_keyring
from captures import open_capture


@pytest.mark.shared
def test_a_live_source_reopens_what_stayed_shut(shared: Path) -> None:
    session = Session(tables=("packets",), ring=1000)
    with open_capture(shared / "captures" / "kb_control4-sample.pcap") as capture:
        for block in capture:
            decode_block(block, session)
    before = {raw.number for raw in session.ring}
    assert 1 in before
    opened = session.reopen()
    assert {raw.number for raw, _ in opened} <= before
    assert all(found.columns["nwk_security"] == "ok" for _, found in opened)
    assert not {raw.number for raw in session.ring} & {raw.number for raw, _ in opened}
    assert session.hindsight() is not None
    assert session.hindsight().keys[0].first_frame == 151  # type: ignore[union-attr]


@pytest.mark.shared
def test_the_ring_is_bounded(shared: Path) -> None:
    session = Session(tables=("packets",), ring=16)
    with open_capture(shared / "captures" / "kb_control4-sample.pcap") as capture:
        for block in capture:
            decode_block(block, session)
    assert len(session.ring) <= 16


def test_learning_leaves_the_callers_keyring_alone() -> None:
    ring = read_keys_text(f'[[network_key]]\nkey = "{"00" * 16}"\n')
    copy = copy_keyring(ring)
    copy.keys.clear()
    assert len(ring.keys) == 1
    assert Session(ring).context.keyring is not ring
