"""Every input of the shared cases by its name: each is read to its end, none ends in a traceback, and none is forgotten.

What is right for each of them stands in the other modules here; this one fails when a case comes that no test knows."""

import json
import re
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.engine.checking import check
from analysis.findings.model import CheckResult
from analysis.keys.keyfile import KeyFileError, read_keys
from analysis.pipeline.decode import decode
from dissectors.zcl.stateful.ota_image import read_image

pytestmark = pytest.mark.shared

HOME = (
    "alert-8f1d", "alert-8f29", "alert-8f75", "credit-unanswered", "demand-invalid", "divisor-changes", "gas-frozen",
    "gas-read-refused", "join-refused", "ppmid-supply", "price-not-found", "tariff-refused",
)  # fmt: skip
CAPTURES = {
    "home": tuple(f"{name}.pcapng" for name in HOME),
    "hostile": (
        "alternating_damage.pcap", "cut.pcapng", "hostile.pcapng", "if_8000.pcapng", "td_2000.pcapng", "thr_4300k.pcapng",
    ),
    "zcl": ("cases.pcap", "unaligned_block_test006.pcapng"),
    "zigbee": (
        "aps_ext0_only.pcap", "cat.pcap", "ic.pcap", "ng2980.pcap", "nrf_user0.pcap", "ot7493.pcap", "ot7493_assoc.pcap",
        "ppi.pcap", "psila5_phr.pcap", "psila5_phr230.pcap", "realign_min.pcap", "rejoin.pcap", "tc_counters.pcap",
        "ti195_same.pcap", "ti_small.pcap", "tunnel.pcap", "two_sniffers_skew2s.pcapng", "whad166b.pcap",
        "wisun_node_join.pcapng", "zep_lqi_mode.pcap", "zep_min.pcap",
    ),
    "dlms": ("12_13_ndpi_dlms.pcap", "14_serial_dlt147.pcap"),
}  # fmt: skip
KEYS = {
    "home": ("credit-unanswered.toml", "home.toml", "ppmid-supply.toml"),
    "hostile": ("bad-hugeint.toml", "bad-inline.toml", "bad-nest.toml", "hostile2.toml", "keys-TypeError.toml"),
    "zigbee": ("ic_bad.toml", "ic_good.toml", "lk2.toml", "ng.toml", "ot.toml", "wd2011.toml", "wisun.toml", "z2m.toml", "zoh_keys.toml"),
    "dlms": ("01_both.toml", "01_ek_only.toml", "02_03.toml", "16.toml"),
}  # fmt: skip
MESSAGES = {
    "hostile": ("msg-exc-4-7.hex", "msg-exc-5-7.hex"),
    "dlms": (
        "01_p1_in_glo.hex", "02_mbus_len257.hex", "03_flat_scaler.hex", "04_no_scaler_kaifa_se.hex",
        "04_no_scaler_kamstrup.hex", "05_0x_prefix.txt", "05_odd_digits.txt", "05_words.txt", "06_p1_header_binary.hex",
        "07_begins_in_frame.bin", "07_mbus_begins_in_frame.hex", "08_aidon_0x.txt", "08_aidon_c.txt", "08_aidon_dec.txt",
        "08_aidon_hexdumpC.txt", "08_amsreader_V.log", "08_line_log.log", "09_two_apdu.hex", "09_two_gbcs_cat.hex",
        "10_push_name_label.hex", "16_other_title.hex", "17_duis_no_payload.xml", "18_xt211_untagged.hex",
        "19_truncated_data.hex",
    ),
}  # fmt: skip
OTHERS = {"zcl": ("cases.jsonl", "ota_padded_zero.ota", "ota_unpadded_good.ota"), "dlms": ("README.txt",)}
REFUSED = {"bad-hugeint.toml", "bad-inline.toml", "bad-nest.toml", "ic_bad.toml", "keys-TypeError.toml"}
"""Key files that are refused."""
OF_SNIFFERS = {
    "ack-after-damaged-frame", "alert-recipient", "announce-forged", "cbke-order", "device-unresponsive",
    "fragments-missing", "join-method-code", "realignment-forged", "rssi-changed",
}  # fmt: skip
"""Rules that once accused clean homes; in the homes of these cases nothing of theirs happens."""


def inputs(*kinds: dict[str, tuple[str, ...]]) -> list[str]:
    return [f"{folder}/{name}" for kind in kinds for folder, names in kind.items() for name in names]


def test_no_input_is_forgotten(shared: Path) -> None:
    there = {str(p.relative_to(shared / "cases")) for p in (shared / "cases").rglob("*") if p.is_file()}
    assert there - {"README.md"} == set(inputs(CAPTURES, KEYS, MESSAGES, OTHERS))


@pytest.mark.parametrize("name", inputs(CAPTURES))
def test_a_capture_is_read_to_its_end(shared: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    verb = "stats" if name.startswith("hostile/") else "check"
    code = main([verb, str(shared / "cases" / name), "-q"])
    out, err = capfd.readouterr()
    assert code in (0, 1, 3) and "Traceback" not in out + err and "internal" not in err


@pytest.mark.parametrize("name", inputs(MESSAGES))
def test_a_message_gives_a_result_or_a_word(
    shared: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    code = main(["message", str(shared / "cases" / name)])
    out, err = capfd.readouterr()
    assert code in (0, 3, 4) and out + err and "Traceback" not in out + err


@pytest.mark.parametrize("name", inputs(KEYS))
def test_a_key_file_is_read_or_refused_by_name(shared: Path, name: str) -> None:
    path = shared / "cases" / name
    if path.name in REFUSED:
        with pytest.raises(KeyFileError, match=path.name):
            read_keys(path)
    else:
        read_keys(path)


def test_the_rest_is_what_it_should_be(shared: Path) -> None:
    zcl = shared / "cases" / "zcl"
    assert all(json.loads(line)["payload"] for line in (zcl / "cases.jsonl").read_text("utf-8").splitlines())
    assert all(
        read_image((zcl / name).read_bytes()) for name in ("ota_padded_zero.ota", "ota_unpadded_good.ota")
    )


def judged(shared: Path, name: str, keys: str) -> CheckResult:
    result = check(decode(str(shared / "cases" / name), read_keys(shared / "cases" / keys)))
    assert not result.failures
    return result


@pytest.mark.parametrize("name", HOME)
def test_no_home_is_accused_of_what_did_not_happen(shared: Path, name: str) -> None:
    own = shared / "cases" / "home" / f"{name}.toml"
    result = judged(shared, f"home/{name}.pcapng", f"home/{own.name if own.exists() else 'home.toml'}")
    assert not {f.rule for f in result.findings if f.severity != "info"} & OF_SNIFFERS
    assert not [f for f in result.findings if re.search(r"\b(?:nan|None)\b", f"{f.device} {f.evidence}")]
    assert not [f for f in result.findings if "mirror" in f.evidence]


def test_names_that_are_markup_and_commands_stay_text(shared: Path) -> None:
    """`hostile.pcapng`: a device called {{7*7}}, and data that nobody secured, which is told as it is."""
    result = judged(shared, "hostile/hostile.pcapng", "hostile/hostile2.toml")
    graver = [f for f in result.findings if f.severity != "info"]
    # Nor is its clock this century's, its currency the pound, and it sends sixteen messages and prices within two seconds.
    told = {"smart-energy-without-link-key", "publisher-clock", "request-load", "price-fields"}
    assert {f.rule for f in graver} == told
    assert all("{{7*7}}" in f.device for f in graver)
