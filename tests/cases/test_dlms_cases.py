"""The telegrams and messages of the field in ``cases/dlms``: what each says, what is wrong with it, and the exit code."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.cli.verbs.show import shown_frames, to_json
from analysis.engine.checking import check_capture
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.views.messages import run
from dissectors.model.keyring import Keyring

KAIFA = {
    "1-0:0.2.129.255": "KFM_001",
    "0-0:96.1.0.255": "7340000000000000",
    "0-0:96.1.7.255": "MA304H4",
    "1-0:1.7.0.255": 297,
    "1-0:32.7.0.255": 2354,
}


class Told:
    """What the verb printed of one input."""

    def __init__(self, shared: Path, name: str, keys: str = "", **options: Any) -> None:
        folder = shared / "cases/dlms"
        out = io.StringIO()
        ring = read_keys(str(folder / keys)) if keys else None
        self.code = run([str(folder / name)], ring, jsonl=True, out=out, **options)
        self.messages = [json.loads(line) for line in out.getvalue().splitlines()]
        self.items = [item for one in self.messages for item in one.get("items", ())]
        self.texts = [issue["text"] for one in self.messages for issue in one["issues"]]
        self.errors = [one["error"]["text"] for one in self.messages if one["error"]]

    def value(self, obis: str) -> Any:
        (row,) = [item for item in self.items if item["obis"] == obis]
        return row["value"]

    def number(self, obis: str) -> tuple[Any, Any]:
        (row,) = [item for item in self.items if item["obis"] == obis]
        return row["number"], row["unit"]


@pytest.mark.parametrize(("keys", "state"), [("01_both.toml", "ok"), ("01_ek_only.toml", "unauthenticated")])
def test_p1_text_in_a_cipher_is_opened(shared: Path, keys: str, state: str) -> None:
    told = Told(shared, "01_p1_in_glo.hex", keys)
    assert told.code == 0 and told.messages[0]["security"] == [state]
    assert told.number("1-0:1.8.0.255") == (14159934, "Wh")
    assert told.number("1-0:1.7.0.255") == (544, "W")


@pytest.mark.parametrize("name", ["02_mbus_len257.hex", "03_flat_scaler.hex", "07_mbus_begins_in_frame.hex"])
def test_mbus_telegrams_are_read(shared: Path, name: str) -> None:
    told = Told(shared, name, "02_03.toml")
    assert told.code == 0
    assert told.number("1-0:32.7.0.255") == (230.1, "V")
    assert all(item["object"] for item in told.items)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("04_no_scaler_kaifa_se.hex", KAIFA),
        ("04_no_scaler_kamstrup.hex", {"1-1:1.7.0.255": 2342, "1-1:31.7.0.255": 92}),
    ],
)
def test_values_without_scaler_are_marked(shared: Path, name: str, values: dict[str, Any]) -> None:
    told = Told(shared, name)
    assert told.code == 0
    assert {obis: told.value(obis) for obis in values} == values
    assert all(item["unscaled"] for item in told.items if item["unit"])
    out = io.StringIO()
    run([str(shared / "cases/dlms" / name)], out=out)
    assert "(unscaled, W)" in out.getvalue() and "None =" not in out.getvalue()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("05_odd_digits.txt", "87 hex digits: an odd number"),
        ("05_words.txt", "none of the forms"),
        ("06_p1_header_binary.hex", "not recognised"),
    ],
)
def test_what_is_no_message_is_refused(shared: Path, name: str, words: str) -> None:
    told = Told(shared, name)
    assert told.code == 4 and words in told.errors[0]
    assert [one["kind"] for one in told.messages] == ["unknown"]


@pytest.mark.parametrize(
    "name",
    [
        "05_0x_prefix.txt",
        "08_aidon_0x.txt",
        "08_aidon_c.txt",
        "08_aidon_dec.txt",
        "08_aidon_hexdumpC.txt",
        "08_amsreader_V.log",
        "08_line_log.log",
    ],
)
def test_pasted_forms_are_read(shared: Path, name: str) -> None:
    told = Told(shared, name)
    assert told.code == 0 and told.number("1-0:1.7.0.255") == (10925, "W")


def test_kind_is_obeyed(shared: Path) -> None:
    for kind in ("dlms", "gbcs", "frame"):
        told = Told(shared, "06_p1_header_binary.hex", kind=kind)
        assert [one["kind"] for one in told.messages] == [kind]


def test_stream_that_begins_in_a_frame(shared: Path) -> None:
    told = Told(shared, "07_begins_in_frame.bin")
    assert told.code == 0 and [item["number"] for item in told.items] == [10929, 10925]
    assert any("passed over to the first frame whose check holds" in text for text in told.texts)


def test_each_message_gives_a_result(shared: Path) -> None:
    told = Told(shared, "09_two_apdu.hex")
    assert told.code == 0 and [item["number"] for item in told.items] == [10925, 10929]
    told = Told(shared, "09_two_gbcs_cat.hex")
    assert told.code == 0 and [one["use_case"] for one in told.messages] == ["ECS50", "GNCA-DLMS"]


def test_logical_name_of_the_push_then_device_id(shared: Path) -> None:
    told = Told(shared, "10_push_name_label.hex")
    assert told.code == 0
    assert [(item["object"], item["value"]) for item in told.items[:4]] == [
        ("push setup", "0-6:25.9.0.255"),
        ("device id", "1120000000001"),
        ("time", "19:01:00"),
        ("date", "2021-03-25 Thu"),
    ]


def test_key_of_another_title_opens_and_is_said(shared: Path) -> None:
    told = Told(shared, "16_other_title.hex", "16.toml")
    assert told.code == 0 and told.messages[0]["security"] == ["unauthenticated"]
    assert len(told.items) == 10
    assert any("held for another system title" in text for text in told.texts)


def test_duis_response_without_a_message(shared: Path) -> None:
    told = Told(shared, "17_duis_no_payload.xml")
    (one,) = told.messages
    assert told.code == 0 and one["error"] is None
    assert (one["service_reference"], one["response_code"]) == ("11.2", "E65")
    assert one["service"] == "Read Firmware Version" and "error" in one["response"]


def test_untagged_and_truncated_are_named(shared: Path) -> None:
    told = Told(shared, "18_xt211_untagged.hex")
    assert told.code == 4 and "not conforming" in told.errors[0] and len(told.items) == 22
    assert told.value("0-0:96.1.1.255") == "5100000001" and told.value("1-0:1.7.0.255") == 1956
    told = Told(shared, "19_truncated_data.hex")
    assert told.code == 4 and "truncated" in told.errors[0]


def test_what_clients_write_is_no_answer_of_the_meter(shared: Path) -> None:
    checked = check_capture(str(shared / "cases/dlms/12_13_ndpi_dlms.pcap"))
    assert "public-client" not in [finding.rule for finding in checked.result.findings]


def test_serial_capture_is_read(shared: Path) -> None:
    decoded = decode(str(shared / "cases/dlms/14_serial_dlt147.pcap"))
    assert decoded.items["number"].tolist() == [10925.0, 10929.0]


@pytest.mark.parametrize("name", ["12_13_ndpi_dlms.pcap", "14_serial_dlt147.pcap"])
def test_a_packet_is_shown_with_its_messages(shared: Path, name: str) -> None:
    """`show` and `decode` know the same of each packet: its summary, its messages, their values."""
    capture = str(shared / "cases/dlms" / name)
    decoded = decode(capture)
    told = decoded.packets[decoded.packets["protocol"] == "DLMS"][:40]
    shown, _ = shown_frames(capture, Keyring(), told["frame"].tolist())
    assert [one.columns["summary"] for one in shown] == told["summary"].tolist()
    assert len(shown) and all(one.messages for one in shown)
    # one that several of the frames carried is told with each of them
    told_of = {id(kept.content): (kept.frames, kept.content) for one in shown for kept in one.messages}
    numbers = {one.columns["frame"] for one in shown}
    rows = decoded.messages[[not numbers.isdisjoint(frames) for frames in decoded.messages["frames"]]]
    assert sorted(frames for frames, _ in told_of.values()) == sorted(map(tuple, rows["frames"]))
    values = [item for _, message in told_of.values() for item in message.items]
    assert len(values) == len(decoded.items[decoded.items["message"].isin(rows["message"])])
    documents = [to_json(one)["messages"] for one in shown]
    assert [len(each) for each in documents] == [len(one.messages) for one in shown]
