"""What the sniffer missed, as reports and findings say it."""

import json
from typing import Any

from analysis.engine.checking import check
from analysis.features.completeness import completeness
from analysis.features.view import View
from analysis.findings.findings_output import to_json
from analysis.findings.hearing import Hearing
from analysis.findings.model import CheckResult
from tests.analysis.compliance.rows import home
from tests.analysis.frames import GAS, HUB, METER, smart_energy

DISPLAY = 0x00DB00000000000B


def heard(step: int) -> CheckResult:
    """A meter whose counter rises by `step`, and a display that it does not answer."""
    frames = [smart_energy(n, METER, HUB, nwk_counter=n * step) for n in range(1, 61)]
    asked: dict[str, Any] = {"kind": "zcl", "name": "Price: Get Current Price", "outcome": "unanswered"}
    rows = [
        {**asked, "exchange": n, "initiator": DISPLAY, "responder": METER, "first_frame": n, "last_frame": n}
        for n in range(1, 6)
    ]
    return check(home(*frames, until=3600, exchanges=rows))


def test_a_check_says_what_was_missed_and_by_what() -> None:
    result = heard(2)
    assert result.hearing.by == "frame counters" and 0.4 < (result.hearing.share or 0) < 0.6
    words = result.hearing.words(result.names)
    assert words.startswith("the sniffer missed about 5") and "(by frame counters; of " in words
    missed = json.loads(json.dumps(to_json(result)))["missed"]
    assert missed["by"] == "frame counters" and missed["devices"][0]["share"] > 0.4
    assert heard(1).hearing.share == 0.0


def test_a_finding_that_hangs_on_it_says_so() -> None:
    by_rule = {found.rule: found.hearing for found in heard(1).findings}
    assert by_rule["request-unanswered"].startswith("the sniffer missed about 0% of the frames")


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert Hearing().share is None and "not known" in Hearing().words()
    both = Hearing({1: (90, 10)}, "frame counters")
    both.add(Hearing({1: (100, 0), 2: (30, 0)}, "frame counters"))
    assert both.devices == {1: (190, 10), 2: (30, 0)} and both.worst()[0] == (1, 0.05)
    assert (
        Hearing({}, "acknowledgements", 0.004).words()
        == "the sniffer missed less than 1% of the frames (by acknowledgements)"
    )


def partner_key(lost_at: int) -> list[str]:
    """Severities of a key that nobody asked for; one frame of the meter, of that number, was not heard."""
    frames = [smart_energy(10 * n, METER, HUB, nwk_counter=n) for n in range(1, 500) if n != lost_at]
    said = {"layer": "aps", "source": METER, "destination": HUB, "field": "key_type"}
    places = {row["nwk_counter"]: number for number, row in enumerate(frames, 1)}
    rows = [
        {
            **said,
            "command": command,
            "frame": places[n],
            "time": frames[places[n] - 1]["time"],
            "number": kind,
            **ends,
        }
        for command, n, kind, ends in (
            (0x08, 20, 2.0, {}),
            (0x05, 200, 3.0, {"source": HUB, "destination": METER}),
        )
    ]
    found = check(home(*frames, until=5100, commands=rows), rules=["partner-key-unasked"]).findings
    return [one.severity for one in found]


def test_what_a_good_sniffer_missed_just_there_proves_nothing() -> None:
    assert partner_key(400) == ["error"]
    assert partner_key(199) == ["info"]


def test_a_few_wakes_say_little_of_the_time_between_them() -> None:
    """Of a sniffer that is elsewhere two thirds of the time, a sleeper is heard whole in the wakes that it caught."""
    rows = [smart_energy(60 * n, METER, HUB, nwk_counter=3 * n) for n in range(1, 61)]
    rows += [
        smart_energy(start + n / 10, GAS, HUB, nwk_counter=n)
        for start in (600, 605)
        for n in range(start, start + 15)
    ]
    air = completeness(View.of(home(*sorted(rows, key=lambda row: row["time"]), until=3600)))
    assert air.missed(GAS) == air.share > 0.3
