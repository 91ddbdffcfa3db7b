"""What crosses blocks: a keyring left alone, and the state of a pass to come back to."""

from pathlib import Path

from analysis.keys.keyfile import read_keys, read_keys_text
from analysis.pipeline.checkpoint import Checkpoint
from analysis.pipeline.decode import decode
from analysis.pipeline.session import Hindsight, Session, copy_keyring
from dissectors.model.keyring import Key

SAMPLE = Path(__file__).parents[2] / "captures" / "samples" / "install-day.pcapng"


def test_learning_leaves_the_callers_keyring_alone() -> None:
    ring = read_keys_text(f'[[network_key]]\nkey = "{"00" * 16}"\n')
    copy = copy_keyring(ring)
    copy.keys.clear()
    assert len(ring.keys) == 1
    assert Session(ring).context.keyring is not ring


def test_the_state_of_a_pass_comes_back_as_often_as_asked() -> None:
    ring = read_keys(SAMPLE.with_suffix("").with_suffix(".keys.toml"))
    session = decode(SAMPLE, ring).session
    told, frames = session.learnt(), session.frames
    checkpoint = Checkpoint(session)
    session.remember(Hindsight([Key("network", bytes(16), first_frame=1)], {(1, 2): 3}))
    session.frames = 0
    for _ in range(2):
        again = checkpoint.session()
        assert (again.learnt(), again.frames) == (told, frames)
        assert again.context.keyring.gbcs is session.context.keyring.gbcs
        again.frames = 7
