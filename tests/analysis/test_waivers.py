"""Accepted findings stand apart, come back when the waiver is over, and everything says where it comes from."""

import hashlib
import json
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.engine.checking import Checked, check_capture
from analysis.findings.findings_output import to_json, to_sarif
from analysis.findings.waivers import WaiverError, read_waivers
from analysis.keys.keyfile import read_keys

SAMPLES = Path(__file__).parent.parent.parent / "captures" / "samples"
CAPTURE, KEYS = SAMPLES / "tampered-message.pcapng", SAMPLES / "tampered-message.keys.toml"
TODAY = date(2026, 6, 1)
ENTRY = '[[accept]]\nrule = "mac-invalid"\nsubject = "message 1 *"\nreason = "laboratory"\nuntil = {until}\n'


def checked(tmp_path: Path, text: str, name: str = "waivers.toml") -> Checked:
    (tmp_path / name).write_text(text)
    waivers = read_waivers(tmp_path / name, today=TODAY)
    return check_capture(CAPTURE, read_keys(KEYS), waivers=waivers)


def test_an_accepted_finding_stands_apart(tmp_path: Path) -> None:
    before = check_capture(CAPTURE, read_keys(KEYS)).result
    after = checked(tmp_path, ENTRY.format(until=TODAY)).result  # the last day counts
    taken = [f for f in before.findings if f.rule == "mac-invalid"]
    assert taken
    assert [one.finding.rule for one in after.accepted] == ["mac-invalid"] * len(taken)
    assert len(after.findings) == len(before.findings) - len(taken)
    assert after.waivers[0]["state"] == "used"
    assert after.verdicts == before.verdicts
    for incident in after.incidents:
        assert all(after.findings[index].incident == incident.number for index in incident.findings)


def test_one_that_is_over_comes_back(tmp_path: Path) -> None:
    before = check_capture(CAPTURE, read_keys(KEYS)).result
    after = checked(tmp_path, ENTRY.format(until=TODAY - timedelta(days=1))).result
    assert after.findings == before.findings
    assert not after.accepted
    assert (after.waivers[0]["state"], after.waivers[0]["findings"]) == ("expired", 1)


def test_csv_and_a_waiver_that_fits_nothing(tmp_path: Path) -> None:
    rows = "rule,subject,reason,until\nmac-invalid,message 1 (ECS52 command),laboratory,2027-01-31\n"
    found = checked(tmp_path, rows + "mac-invalid,message 9 [x],never,\n", "waivers.csv").result
    assert [one["state"] for one in found.waivers] == ["used", "unused"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "[[accept]]"),
        ("accept = 3\n", "[[accept]]"),
        ("[[accept\n", "not valid TOML"),
        ('[[accept]]\nrule = "mac-invalid"\nsubject = "*"\n', "`reason` is missing"),
        (ENTRY.format(until='"soon"'), "2027-01-31"),
        (ENTRY.format(until="2027-01-31") + 'why = ""\n', "unknown entry 'why'"),
        (ENTRY.format(until="2027-01-31").replace("mac-invalid", "mac-invalit"), "is it mac-invalid?"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WaiverError) as told:
        checked(tmp_path, text)
    assert said in str(told.value)


@pytest.mark.parametrize(
    "text", ["", "rule,subject\n", "rule,subject,reason\n,,\n", 'rule,subject,reason\n"a']
)
def test_mistakes_of_csv_are_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(WaiverError):
        checked(tmp_path, text, "w.csv")


def test_the_command_does_not_fail_for_what_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {f.rule for f in check_capture(CAPTURE, read_keys(KEYS)).result.at_least("warning")}
    file = tmp_path / "w.csv"
    file.write_text("rule,subject,reason\n" + "".join(f"{rule},*,known\n" for rule in sorted(known)))
    words = ["check", str(CAPTURE), "--keys", str(KEYS), "--fail-on", "warning", "-q"]
    assert main(words) == 1
    assert "accepted:" not in capsys.readouterr().out
    assert main([*words, "--accept", str(file)]) == 0
    assert "accepted: mac-invalid [message 1 (ECS52 command)]: known" in capsys.readouterr().out
    assert main([*words, "--accept", str(file), "--sarif"]) == 0
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert any(one["suppressions"][0]["justification"] == "known" for one in results if "suppressions" in one)
    report = tmp_path / "r.html"
    assert (
        main(["report", str(CAPTURE), "--keys", str(KEYS), "-o", str(report), "--accept", str(file), "-q"])
        == 0
    )
    assert "Accepted findings" in report.read_text("utf-8")
    file.write_text("rule,subject,reason\nnone,*,x\n")
    assert main([*words, "--accept", str(file)]) == 2


def test_everything_says_where_it_comes_from(tmp_path: Path) -> None:
    found = check_capture(CAPTURE, read_keys(KEYS))
    digest = hashlib.sha256(CAPTURE.read_bytes()).hexdigest()
    origin = to_json(found.result, str(CAPTURE))["provenance"]
    assert origin["capture"]["sha256"] == digest
    assert origin["profile"]["name"] == found.result.profile
    run = to_sarif(found.result, str(CAPTURE))["runs"][0]
    assert run["artifacts"][0]["hashes"] == {"sha-256": digest}
    held = found.reading.session.context.keyring.keys
    assert len(origin["keys"]) == len(held) > 0
    page = tmp_path / "r.html"
    main(["report", str(CAPTURE), "--keys", str(KEYS), "-o", str(page), "-q"])
    text = page.read_text("utf-8")
    assert digest in text
    for key in held:
        assert key.value.hex() not in json.dumps([origin, run]) + text
    stream = check_capture(BytesIO(CAPTURE.read_bytes()), read_keys(KEYS)).result.provenance
    assert stream["capture"]["sha256"] == digest
