import json

from analysis.engine.checking import check
from analysis.findings.findings_output import (
    explain_rule,
    findings_table,
    rules_json,
    rules_text,
    to_json,
    to_sarif,
)
from analysis.rules.registry import rules
from analysis.tables.schema import columns_of
from tests.analysis.frames import decoded, packet


def result():
    old = [packet(n, nwk_counter=9000 + n, nwk_digest=n) for n in range(3)]
    return check(decoded([*old, packet(60, nwk_counter=9001, nwk_digest=1)]))


def test_json_and_sarif_hold_every_finding() -> None:
    one = result()
    plain = json.loads(json.dumps(to_json(one, "a b.pcap")))
    assert len(plain["findings"]) == len(one.findings) > 0
    assert {v["state"] for v in plain["verdicts"]} <= {"pass", "warn", "fail", "not seen"}
    assert plain["incidents"] and all(i["timeline"] and i["likely_cause"] for i in plain["incidents"])
    assert len(plain["gbcs_modifications"]) == 92
    log = json.loads(json.dumps(to_sarif(one, "a b.pcap")))
    run = log["runs"][0]
    assert log["version"] == "2.1.0" and len(run["results"]) == len(one.findings)
    for entry in run["results"]:
        assert run["tool"]["driver"]["rules"][entry["ruleIndex"]]["id"] == entry["ruleId"]
        assert entry["level"] in {"note", "warning", "error"}
        assert entry["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.pcap"


def test_the_findings_table_has_the_columns_of_the_schema() -> None:
    table = findings_table(result().findings)
    assert tuple(table.columns) == columns_of("findings")
    assert len(findings_table([])) == 0


def test_the_list_and_the_explanation_name_every_rule() -> None:
    known = rules()
    text = rules_text(known)
    lines = {line[2:].split()[0]: line for line in text.splitlines() if line[2:].split()}
    assert all(r.severity in lines[r.id] and r.confidence in lines[r.id] for r in known)
    assert len(rules_json(known)) == len(known)
    for r in known:
        said = explain_rule(r)
        assert r.source in said and r.advice in said


SARIF: dict[str, dict[str, type | tuple[type, ...]]] = {  # SARIF 2.1.0 (OASIS): properties used, and their types
    "log": {"$schema": str, "version": str, "runs": list},
    "run": {"tool": dict, "results": list, "properties": dict},
    "driver": {"name": str, "informationUri": str, "rules": list},
    "rule": {
        "id": str, "name": str, "shortDescription": dict, "fullDescription": dict, "help": dict,
        "defaultConfiguration": dict, "properties": dict,
    },
    "result": {
        "ruleId": str, "ruleIndex": int, "level": str, "rank": float, "message": dict, "locations": list, "properties": dict,
    },
    "location": {"physicalLocation": dict, "logicalLocations": list},
}  # fmt: skip


def shaped(part: dict, kind: str) -> None:
    assert set(part) <= set(SARIF[kind]), (kind, set(part) - set(SARIF[kind]))
    assert all(isinstance(value, SARIF[kind][name]) for name, value in part.items()), kind


def test_sarif_has_the_structure_of_2_1_0() -> None:
    log = json.loads(json.dumps(to_sarif(result(), "a folder/b#1?.pcap")))
    shaped(log, "log")
    [run] = log["runs"]
    shaped(run, "run")
    shaped(run["tool"]["driver"], "driver")
    known = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in known}) == len(known)
    for rule in known:
        shaped(rule, "rule")
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
    for entry in run["results"]:
        shaped(entry, "result")
        assert entry["message"]["text"] and 0 <= entry["rank"] <= 100 and 0 <= entry["ruleIndex"] < len(known)
        for location in entry["locations"]:
            shaped(location, "location")
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert uri == "a%20folder/b%231%3F.pcap"


def test_sarif_says_how_much_was_missed() -> None:
    run = to_sarif(result(), "a.pcap")["runs"][0]
    assert set(run["properties"]["missed"]) == {"share", "by", "devices"} and run["properties"]["heard"]
