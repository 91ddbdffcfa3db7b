"""What of a capture is wanted: filters over tables that belong together, times, devices; the options of the verbs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from analysis.cli import VERBS, main
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import Decoded, TableSink, decode
from analysis.pipeline.runner import run_passes
from analysis.tables.python_values import rows_of
from analysis.views.choice import Choice
from analysis.views.filtered import ChosenFrames, FilteredSink
from captures.simulated.scenarios.samples import FOLDER

CAPTURE, KEYS = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"
BROKEN, BROKEN_KEYS = FOLDER / "tampered-message.pcapng", FOLDER / "tampered-message.keys.toml"


@cache
def decoded() -> Decoded:
    return decode(str(CAPTURE), read_keys(KEYS))


def chosen(choice: Choice, *, stations: tuple[int, ...] = (), block: int | None = None) -> list[int]:
    sink = ChosenFrames()
    found = choice.filter("packets", stations)
    assert found is not None
    run_passes(str(CAPTURE), read_keys(KEYS), FilteredSink(found, [sink]), block_frames=block)
    return [int(one) for one in sink.numbers]


def frames_where(**wanted: str) -> list[int]:
    messages = decoded().messages
    for name, value in wanted.items():
        messages = messages[messages[name] == value]
    return sorted({int(frame) for frames in messages.frames for frame in frames})


def test_frames_are_chosen_by_their_message() -> None:
    wanted = frames_where(use_case="ECS17b", mac="valid")
    assert wanted
    choice = Choice('message.use_case == "ECS17b" and message.mac == "valid"')
    assert chosen(choice) == wanted
    assert chosen(choice, block=40) == wanted, "messages that end in a later block"
    assert chosen(Choice("not message.message")) == sorted(
        {*map(int, decoded().packets.frame)} - {*frames_where()}
    )


def test_several_conditions_hold_in_one_row_of_the_other_table() -> None:
    items = decoded().items
    row = items[items.object.notna() & items.value.notna()].iloc[-1]
    other = items[(items.object == row.object) & (items.value != row.value)]
    both = chosen(Choice(f'item.object == "{row.object}" and item.value == "{row.value}"'))
    message = decoded().messages[decoded().messages.message == row.message]
    assert set(map(int, message.frames.iloc[0])) <= set(both)
    assert len(both) <= len(chosen(Choice(f'item.object == "{row.object}"')))
    assert other is not None


def test_what_belongs_to_the_chosen_frames_comes_along() -> None:
    sink = TableSink()
    found = Choice("message.use_case == ECS17b").filter()
    assert found is not None
    run_passes(str(CAPTURE), read_keys(KEYS), FilteredSink(found, [sink]))
    rows = {
        table: [row for batch in batches for row in rows_of(batch)] for table, batches in sink.batches.items()
    }
    messages = [row["message"] for row in rows["messages"]]
    of = decoded().messages
    assert messages == of.message[of.use_case == "ECS17b"].tolist()
    assert {row["message"] for row in rows["items"]} <= set(messages)
    frames = {row["frame"] for row in rows["packets"]}
    assert {row["frame"] for row in rows["commands"]} <= frames
    exchanges = {row["exchange"]: row for row in rows["exchanges"]}
    assert {row["exchange"] for row in rows["packets"]} < exchanges.keys()
    assert {row["kind"] for row in exchanges.values()} == {"transfer", "gbcs", "tunnel"}
    assert {row.get("parent") for row in exchanges.values()} <= {*exchanges, None}


def test_frames_are_chosen_by_all_exchanges_that_they_lie_in() -> None:
    packets, exchanges = decoded().packets, decoded().frame("exchanges")
    inner = exchanges.exchange[exchanges.kind == "transfer"]
    assert chosen(Choice("exchange.kind == transfer")) == packets.frame[packets.exchange.isin(inner)].tolist()
    whole = chosen(Choice("exchange.kind == tunnel"), block=50)
    assert {*chosen(Choice("exchange.kind == gbcs"))} >= {*chosen(Choice("exchange.kind == transfer"))}
    assert {*whole} > {*chosen(Choice("exchange.kind == gbcs"))}
    assert chosen(Choice(f"exchange == {inner.iloc[0]}"))
    found = Choice("message.use_case == ECS17b").filter("exchanges")
    assert found is not None
    found.look_at(decoded().table)
    assert {*exchanges.kind[found.mask(exchanges)]} == {"transfer", "gbcs", "tunnel"}


def test_times() -> None:
    packets = decoded().packets
    seconds = (packets.time - packets.time[0]).dt.total_seconds()
    wanted = packets.frame[(seconds >= 2) & (seconds < 5)].tolist()
    assert wanted and len(wanted) < len(packets)
    assert chosen(Choice(start="2", end="+5s")) == wanted
    text = packets.time.astype(str).str[11:19]
    day = packets.frame[(text >= "00:00:02") & (text < "00:00:05")]
    assert chosen(Choice(start="00:00:02", end="2026-01-05T00:00:05Z")) == day.tolist() != wanted
    assert chosen(Choice("nwk_src", start="2s", end="5s"), block=30) == [
        int(one) for one in packets.frame[packets.frame.isin(wanted) & packets.nwk_src.notna()]
    ]


def test_a_device_sends_or_receives() -> None:
    devices = decoded().devices
    eui64 = devices.eui64[devices.role == "ESME"].iloc[0]
    packets = decoded().packets
    ends = ["nwk_src_eui64", "nwk_dst_eui64", "mac_src", "mac_dst"]
    wanted = packets.frame[(packets[ends] == eui64).any(axis=1)].tolist()
    assert chosen(Choice(device="x"), stations=(int(eui64, 16),)) == wanted
    short = [
        "nwk_src",
        "nwk_dst",
        "mac_src",
        "mac_dst",
    ]
    assert (
        chosen(Choice(device="x"), stations=(0,))
        == packets.frame[(packets[short] == "0000").any(axis=1)].tolist()
    )


def told(capsys: pytest.CaptureFixture[str], *words: str, keys: Path = KEYS) -> tuple[str, str]:
    main([*words, "--keys", str(keys)])
    out, err = capsys.readouterr()
    return out, "\n".join(line for line in err.splitlines() if "lets other users" not in line)


def test_a_mistake_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "decode", str(CAPTURE), "--where", "rssi < -80 and mesage.mac == valid")
    lines = err.splitlines()
    assert lines[0] == "error: --where: no column 'mesage.mac': message.mac?"
    assert lines[2].index("^") == lines[1].index("mesage")
    assert told(capsys, "stats", str(CAPTURE), "--from", "noon")[1].startswith("error: --from: 'noon' is not")
    assert "no time zone" in told(capsys, "stats", str(CAPTURE), "--tz", "Nowhere/None")[1]
    _, err = told(capsys, "show", str(CAPTURE), "--device", "electrcity meter")
    assert "no device is called" in err and "Electricity meter" in err
    assert "which frame" in told(capsys, "show", str(CAPTURE))[1]


def test_verbs_filter(capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--where", "message.use_case == ECS17b"]
    wanted = frames_where(use_case="ECS17b")
    out, _ = told(capsys, "show", str(CAPTURE), *where, "--json")
    assert [one["columns"]["frame"] for one in json.loads(out)] == wanted
    out, _ = told(capsys, "decode", str(CAPTURE), *where, "--format", "jsonl", "-q")
    assert [json.loads(line)["frame"] for line in out.splitlines()] == wanted
    out, _ = told(capsys, "stats", str(CAPTURE), *where, "--json")
    assert json.loads(out)["frames"] == len(wanted)
    out, _ = told(
        capsys,
        "decode",
        str(CAPTURE),
        "--table",
        "messages",
        "--where",
        "use_case == ECS17b and packet.rssi",
        "-q",
    )
    assert len(out.splitlines()) == 1 + (decoded().messages.use_case == "ECS17b").sum()
    out, _ = told(capsys, "keys", str(CAPTURE), "--where", "nwk_security == none", "--json")
    assert json.loads(out)["secured_frames"] == 0


def test_findings_are_chosen_by_their_frames_and_subject(capsys: pytest.CaptureFixture[str]) -> None:
    def rules(*words: str) -> list[str]:
        out, _ = told(capsys, "check", str(BROKEN), "--json", "-q", *words, keys=BROKEN_KEYS)
        return [one["rule"] for one in json.loads(out)["findings"]]

    everything = rules()
    assert set(everything) >= {"mac-invalid", "security-alert"}
    assert rules("--where", "severity == critical") == ["mac-invalid"]
    assert rules("--where", "message.mac == invalid") and rules("--where", "message.mac == valid") == []
    assert rules("--where", "protocol == 'no such'") == []
    assert rules("--device", "ESME") == everything
    assert rules("--to", "1s") == []
    out, _ = told(
        capsys, "decode", str(BROKEN), "--where", "finding.rule == mac-invalid", "-q", keys=BROKEN_KEYS
    )
    assert len(out.splitlines()) > 1


def test_verbs_that_write_captures_write_what_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, shared = tmp_path / "part.pcapng", tmp_path / "shared.pcapng"
    where = ["--where", "message.use_case == ECS17b"]
    count = len(frames_where(use_case="ECS17b"))
    assert f"{count:,} frames" in told(capsys, "convert", str(CAPTURE), str(part), *where)[1]
    told(capsys, "redact", str(CAPTURE), "-o", str(shared), *where, "-q")
    for path in (part, shared):
        assert json.loads(told(capsys, "stats", str(path), "--json")[0])["frames"] == count
    out, _ = told(capsys, "diff", str(CAPTURE), str(CAPTURE), "--json", "--device", "ESME")
    assert json.loads(out)["divergences"] == []


def test_a_report_counts_what_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    told(
        capsys, "report", str(BROKEN), "-o", str(page), "--where", "message.mac == invalid", keys=BROKEN_KEYS
    )
    text = page.read_text("utf-8")
    assert "mac-invalid" in text
    told(capsys, "report", str(BROKEN), "-o", str(page), "--from", "1h", keys=BROKEN_KEYS)
    assert "mac-invalid" not in page.read_text("utf-8").split("Rules")[0]


def test_the_same_in_python() -> None:
    import hanscope as hs

    capture = hs.open(CAPTURE, keys=KEYS)
    wanted = frames_where(use_case="ECS17b", mac="valid")
    text = "message.use_case == ECS17b and message.mac == valid"
    assert capture.where(text).frame.tolist() == wanted
    both = hs.open([CAPTURE, BROKEN], keys=KEYS)
    assert both.where(text).frame.tolist()[: len(wanted)] == wanted
    assert set(both.where("item.value", "messages").capture) <= {str(CAPTURE), str(BROKEN)}
    assert len(capture.where(device="Electricity meter")) == len(capture.where(device="ESME")) > 0
    assert capture.where(start="2s", end="5s").frame.tolist() == chosen(Choice(start="2s", end="5s"))
    assert len(hs.open(BROKEN, keys=BROKEN_KEYS).where("finding.severity == critical")) > 0


def test_fields_lists_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    from analysis.tables.schema import TABLES

    assert main(["fields", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["fields"]
    assert [(one["table"], one["column"]) for one in listed] == [
        (table, column.name) for table, columns in TABLES.items() for column in columns
    ]
    assert all(one["type"] and one["meaning"] for one in listed)
    assert main(["fields", "dbm"]) == 0
    assert "packet.rssi" in capsys.readouterr().out
    assert main(["fields", "usecase"]) == 2
    assert "use_case" in capsys.readouterr().err


def test_the_page_about_filters_is_understood() -> None:
    import shlex

    from analysis.views.filters import parse_filter

    page = (FOLDER.parents[1] / "docs" / "filters.md").read_text("utf-8")
    lines = [shlex.split(line) for line in page.splitlines() if line.startswith("hanscope ")]
    assert len(lines) >= 6
    for words in lines:
        assert VERBS[words[1]] is not None
        if "--where" in words:
            table = words[words.index("--table") + 1] if "--table" in words else "packets"
            check = words[1] == "check"
            parse_filter(
                words[words.index("--where") + 1],
                table="findings" if check else table,
                also="packets" if check else "",
            )


def test_columns_and_times(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    where = ["--where", "message.use_case == ECS17b"]
    listed = ["--columns", "frame,time,source,destination,summary", "--time", "relative"]
    out, _ = told(capsys, "show", str(CAPTURE), *where, *listed)
    head, *lines = out.splitlines()
    assert head.split() == ["frame", "time", "source", "destination", "summary"]
    assert [int(line.split()[0]) for line in lines] == frames_where(use_case="ECS17b")
    assert "Communications hub  Electricity meter" in lines[0]
    packets = decoded().packets
    seconds = (packets.time - packets.time[0]).dt.total_seconds()
    assert abs(float(lines[0].split()[1]) - seconds[packets.frame == int(lines[0].split()[0])].iloc[0]) < 1e-6
    out, _ = told(
        capsys, "decode", str(CAPTURE), "--columns", "time,frame", "--time", "delta", "-q", "--to", "3s"
    )
    rows = [line.split(",") for line in out.splitlines()[1:]]
    assert sum(float(row[0]) for row in rows) == pytest.approx(seconds[int(rows[-1][1]) - 1])
    words = ["--table", "messages", "--columns", "time", "--tz", "Asia/Tokyo", "-q"]
    assert told(capsys, "decode", str(CAPTURE), *words)[0].splitlines()[1].endswith("+09:00")
    assert "+01:00" in told(capsys, "stats", str(CAPTURE), "--tz", "Etc/GMT-1")[0]
    assert told(capsys, "show", str(CAPTURE), "54", "--time", "relative")[0].split(", ")[1].startswith("+5.1")
    out, _ = told(capsys, "check", str(BROKEN), "-q", "--columns", "severity,rule,message", keys=BROKEN_KEYS)
    assert out.splitlines()[1].split() == ["critical", "mac-invalid", "1"]
    page = tmp_path / "r.html"
    told(capsys, "report", str(BROKEN), "-o", str(page), "--tz", "Asia/Tokyo", keys=BROKEN_KEYS)
    assert "JST" in page.read_text("utf-8")
    assert "frame?" in told(capsys, "decode", str(CAPTURE), "--columns", "fram")[1]
    assert "relative, delta" in told(capsys, "decode", str(CAPTURE), "--time", "noon")[1]
