"""The installer's hand-held terminal."""

from pathlib import Path

from captures.simulated.air.truth import CbkeKey
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.recording import write_han


def test_the_hand_held_terminal_agrees_on_a_key(tmp_path: Path) -> None:
    """The exchange is over inter-PAN frames, and the reader computes the link key from the truth's scalars."""
    from analysis.pipeline.decode import decode
    from dissectors.model.keyring import CbkeScalars, Keyring

    han = simulate("hand-held-terminal", seed=2, seconds=300)
    write_han(han, tmp_path / "terminal.pcapng")
    first = next(note for note in han.notes if isinstance(note, CbkeKey)).row()
    ring = Keyring()
    ring.cbke.append(
        CbkeScalars(*(int(first[k], 16) for k in ("device", "static_private", "ephemeral_private")))
    )
    decoded = decode(tmp_path / "terminal.pcapng", ring)
    packets = decoded.packets
    exchange = packets[(packets["aps_type"] == "inter-pan") & (packets["aps_cluster"] == 0x0800)]
    assert exchange["zcl_command"].tolist() == [0, 0, 1, 1, 2, 2]
    assert any("CBKE" in str(origin) for origin in decoded.keys["origin"])
