"""Inputs of the shared folder `cases/zigbee` that came out wrong once, and what is right (`cases/README.md`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.cli import main
from analysis.keys.keyfile import KeyFileError, read_keys
from analysis.pipeline.decode import Decoded, decode

SAMPLES = Path(__file__).parents[2] / "captures" / "samples"


@pytest.fixture
def zigbee(shared: Path) -> Path:
    return shared / "cases" / "zigbee"


def read(folder: Path, capture: str, keys: str) -> Decoded:
    return decode(folder / capture, read_keys(folder / keys))


def security(decoded: Decoded, layer: str = "aps") -> list[str]:
    return decoded.packets[f"{layer}_security"].tolist()


def keys_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    assert main(["keys", *map(str, arguments), "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def opened(document: Any, kind: str) -> int:
    return sum(row["frames_opened"] for row in document["keys"] if row["kind"] == kind)


def test_relayed_inside_a_tunnel_is_no_replay(zigbee: Path) -> None:
    assert security(read(zigbee, "tunnel.pcap", "lk2.toml")) == ["ok"] * 5


def test_outgoing_aps_counters_belong_to_a_key_pair(zigbee: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert security(read(zigbee, "tc_counters.pcap", "lk2.toml")) == ["ok", "ok"]
    main(["check", str(zigbee / "tc_counters.pcap"), "--keys", str(zigbee / "lk2.toml"), "-q"])
    assert "aps-counter-back" not in capsys.readouterr().out


def test_install_codes(zigbee: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_keys(zigbee / "ic_bad.toml")
    assert caught.value.line == 2 and "CRC" in caught.value.text
    document = keys_of(capsys, zigbee / "ic.pcap", "--keys", zigbee / "ic_good.toml")
    row = next(row for row in document["keys"] if row["origin"] == "ic_good.toml: install_code 1")
    assert row["frames_opened"] == 1 and row["scope"] == "00124b0000000002"


def test_key_of_the_time_before_a_key_establishment(zigbee: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`wd2011.toml` with the sample install-day.pcapng: no_key, and CBKE in frame 67 made a new link key."""
    sample = SAMPLES / "install-day.pcapng"
    document = keys_of(capsys, sample, "--keys", zigbee / "wd2011.toml")
    (need,) = document["needed"]
    assert (need["layer"], need["verdict"], need["frames"]) == ("aps", "no_key", 66)
    assert "CBKE in frame 67" in need["why"] and "[[cbke]]" in need["why"] and "[[link_key]]" in need["why"]
    main(["check", str(sample), "--keys", str(zigbee / "wd2011.toml"), "-q"])
    said = capsys.readouterr().out
    assert "mic-fails" not in said and "CBKE in frame 67" in said


@pytest.mark.parametrize(
    ("capture", "keys", "reason"),
    [("ot7493.pcap", "ot.toml", "EUI-64 is unknown"), ("ng2980.pcap", "ng.toml", "ASN")],
)
def test_the_reason_is_told(
    zigbee: Path, capsys: pytest.CaptureFixture[str], capture: str, keys: str, reason: str
) -> None:
    found = [zigbee / capture, "--keys", zigbee / keys]
    assert reason in keys_of(capsys, *found)["needed"][0]["why"]
    decoded = read(zigbee, capture, keys)
    assert security(decoded, "mac") == ["no_key"] and reason in decoded.packets["mac_reason"].iloc[0]
    main(["show", str(found[0]), "1", "--keys", str(found[2])])
    assert reason in capsys.readouterr().out
    main(["check", *map(str, found), "-q"])
    assert reason in capsys.readouterr().out


def test_a_short_address_is_said_to_be_somebodys(zigbee: Path, tmp_path: Path) -> None:
    """`ot7493.pcap` opens once keys.toml says whose its short address is."""
    frame = decode(zigbee / "ot7493.pcap").packets.iloc[0]
    keys = tmp_path / "keys.toml"
    text = (zigbee / "ot.toml").read_text()
    keys.write_text(
        f'{text}\n[[device]]\neui64 = "a628e11817ca9567"\nshort = "{frame.mac_src}"\npan = {frame.mac_src_pan}\n'
    )
    assert security(decode(zigbee / "ot7493.pcap", read_keys(keys)), "mac") == ["ok"]


def test_the_devices_of_a_named_pair_are_tried(zigbee: Path) -> None:
    decoded = read(zigbee, "aps_ext0_only.pcap", "lk2.toml")
    assert security(decoded) == ["ok"]
    assert decoded.packets["aps_sender"].iloc[0] in ("00124b0000000001", "00124b0000000002")


@pytest.mark.parametrize(
    ("capture", "keys", "count"),
    [("ot7493_assoc.pcap", "ot.toml", 1), ("wisun_node_join.pcapng", "wisun.toml", 473)],
)
def test_mac_frames_that_a_key_opened(
    zigbee: Path, capsys: pytest.CaptureFixture[str], capture: str, keys: str, count: int
) -> None:
    document = keys_of(capsys, zigbee / capture, "--keys", zigbee / keys)
    assert opened(document, "mac") == count


@pytest.mark.parametrize(
    ("capture", "keys"),
    [("rejoin.pcap", "z2m.toml"), ("tunnel.pcap", "z2m.toml"), ("ti_small.pcap", "z2m.toml"),
     ("nrf_user0.pcap", "zoh_keys.toml")],
)  # fmt: skip
def test_every_secured_frame_is_open(
    zigbee: Path, capsys: pytest.CaptureFixture[str], capture: str, keys: str
) -> None:
    document = keys_of(capsys, zigbee / capture, "--keys", zigbee / keys)
    assert document["secured_frames"] and not document["needed"] and not document["replayed"]


def test_frames_that_the_mac_sends_again_are_no_replays(zigbee: Path) -> None:
    """`wisun_node_join.pcapng`: same counter and sequence number, other times in the information elements."""
    verdicts = security(read(zigbee, "wisun_node_join.pcapng", "wisun.toml"), "mac")
    assert verdicts.count("ok") == 473 and "replay" not in verdicts
