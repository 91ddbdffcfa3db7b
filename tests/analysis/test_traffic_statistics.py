"""What `stats` says of traffic over time: the same whatever the blocks, and what the tables say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.cli import main
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.pipeline.runner import run_passes
from analysis.views.traffic_statistics import TrafficSink
from captures import CapturedFrame, TrailerKind, write_capture
from captures.fcs import fcs16
from captures.simulated.scenarios.samples import FOLDER

CAPTURE, KEYS = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"


def told(block: int | None = None) -> dict[str, Any]:
    sink = TrafficSink(every=10)
    run_passes(str(CAPTURE), read_keys(KEYS), sink, block_frames=block)
    return sink.to_json()


def by_name(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(json.dumps(one) for one in rows) if isinstance(rows, list) else rows
        for key, rows in figures.items()
    }


def test_blocks_make_no_difference_and_tables_agree() -> None:
    whole = told()
    assert by_name(told(40)) == by_name(whole)
    tables = decode(str(CAPTURE), read_keys(KEYS))
    packets, exchanges = tables.packets, tables.frame("exchanges")
    pairs = packets.groupby(["mac_src", "mac_dst"]).size()
    assert {(one["source"], one["destination"]): one["frames"] for one in whole["links"]} == pairs.to_dict()
    links = packets.groupby(["mac_src", "mac_dst"]).rssi.median()
    assert all(one["rssi"] == links[one["source"], one["destination"]] for one in whole["links"])
    reads = exchanges[(exchanges.kind == "zcl") & (exchanges.name == "Metering: Read Attributes")]
    found = next(one for one in whole["response_times"] if one["name"] == "Metering: Read Attributes")
    assert found["exchanges"] == len(reads)
    assert found["median"] == pytest.approx(reads.time_to_answer.median())
    assert sum(one["frames"] for one in whole["every"]["stretches"]) == len(packets)
    assert sum(one["messages"] for one in whole["conversations_messages"]) == len(tables.messages)


def frame(sequence: int, seconds: float, command: int = 4) -> CapturedFrame:
    octets = (
        bytes.fromhex("6388")
        + bytes([sequence])
        + bytes.fromhex("59330000189 0".replace(" ", ""))
        + bytes([command])
    )
    return CapturedFrame(octets + fcs16(octets), round(seconds * 10**9), trailer=TrailerKind.FCS16, rssi=-70)


def test_retries_and_polls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "polls.pcapng"
    moments = [(1, 1.0), (1, 1.004), (2, 3.0), (3, 5.0), (3, 5.003), (3, 5.006), (4, 7.0), (4, 20.0)]
    write_capture(path, [frame(sequence, seconds) for sequence, seconds in moments])
    for words in ([], ["--every", "5"]):
        assert main(["stats", str(path), "--json", *words]) == 0
        document = json.loads(capsys.readouterr().out)
        assert [(one["frames"], one["retries"], one["rssi"]) for one in document["links"]] == [(8, 3, -70)]
        (poll,) = document["poll_intervals"]
        assert (poll["count"], poll["median"], poll["longest"]) == (5, 2.0, 13.0)
    assert [one["frames"] for one in document["every"]["stretches"]] == [6, 1, 0, 1]
    assert main(["stats", str(path), "--every", "5"]) == 0
    assert "frames each 5 s: " in capsys.readouterr().out


def test_captures_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(CAPTURE), str(FOLDER / "install-day.pcapng"), "--keys", str(KEYS)]) == 0
    lines = capsys.readouterr().out.split("side by side:")[1].splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["295", "225"]
