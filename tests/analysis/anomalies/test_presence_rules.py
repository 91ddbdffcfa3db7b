"""Rules on presence: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from analysis.features.presence import habit, presences
from analysis.features.view import View
from tests.analysis.anomalies.rows import Rows, command, stream
from tests.analysis.frames import GAS, HUB, METER, SHORTS, STRANGER, decoded, packet, smart_energy
from tests.analysis.verdicts import Case, each_of

DISPLAY = STRANGER
LINK_STATUS, POLL, ORPHAN, BEACON_REQUEST = 0x08, 0x04, 0x06, 0x07
LINK = {"nwk_type": "command", "nwk_command": LINK_STATUS}


def away(*gone: tuple[float, float], counter: int = 0) -> Rows:
    """A meter that sends every 10 s for an hour but for some time, and a hub beside it; its counter is `counter` higher
    behind each pause."""
    rows: Rows = stream(240, HUB, step=15.0)
    number = 1000
    for n in range(360):
        if any(start < n * 10 < end for start, end in gone):
            continue
        number += 1 + counter * any(n * 10 == end for _, end in gone)
        rows.append(packet(n * 10.0, METER, mac_seq=n % 256, nwk_counter=number, nwk_digest=n))
    return rows


def network(*, until: float = 3600, others: int = 0) -> Rows:
    rows = [row for row in away() if row["time"] / 1e9 - 1_700_000_000 <= until]
    scan = {
        "mac_dst_pan": 0xFFFF,
        "mac_src_pan": None,
        "mac_src": None,
        "mac_src_mode": "none",
        "mac_dst": 0xFFFF,
    }
    return rows + [command(until + 20 * n, BEACON_REQUEST, **scan) for n in range(1, others)]


def links(until: float) -> Rows:
    told = [packet(n * 15.0, METER, None, mac_seq=n, **LINK) for n in range(100) if n * 15 <= until]
    return told + stream(150, METER, step=10.0, start=3.0)


def polls(until: float) -> Rows:
    asked = [command(n * 60.0, POLL, sender=GAS, mac_seq=n) for n in range(60) if n * 60 <= until]
    return asked + stream(60, GAS, step=60.0, start=30.0)


def orphans(number: int) -> Rows:
    lost = {
        "sender": GAS,
        "mac_src_mode": "extended",
        "mac_src": GAS,
        "mac_dst": 0xFFFF,
        "mac_dst_pan": 0xFFFF,
    }
    return polls(4000) + [command(100 + 200 * n, ORPHAN, **{**lost, "mac_seq": n}) for n in range(number)]


def download(*offsets: int) -> Any:
    rows = [
        {"frame": n + 1, "time": packet(n)["time"], "layer": "zcl", "source": METER, "destination": HUB, "cluster": 0x19,
         "direction": "to-server", "command": 3, "field": name, "number": float(value), "value": str(value)}
        for n, offset in enumerate(offsets) for name, value in (("file_offset", offset), ("file_version", 7))
    ]  # fmt: skip
    return decoded([packet(n) for n in range(len(offsets))], commands=rows)


def reports(until: float, *, instead: bool = False, asks_on: float = 4000.0) -> Any:
    """A meter that reports its demand every 10 s until some time, and tells its links all the while; a display that is heard."""
    rows = [
        smart_energy(
            n * 10.0, METER, DISPLAY, aps_cluster=0x0702, aps_type="data", zcl_type="general", zcl_direction="to-client",
            zcl_command=0x0A, zcl_seq=n % 256, mac_seq=n % 256, summary="Metering: Report Attributes InstantaneousDemand",
        )
        for n in range(400) if n * 10 <= until
    ]  # fmt: skip
    more = {"aps_cluster": 0x0702, "zcl_type": "cluster", "zcl_direction": "to-server", "zcl_command": 6}
    rows += [
        smart_energy(n * 20 + 5.0, METER, DISPLAY, aps_type="data", **more) for n in range(200) if instead
    ]
    beside = stream(266, METER, step=15.0, start=3.0) + stream(
        int(asks_on / 30), DISPLAY, step=30.0, start=4.0
    )
    return sorted(rows + beside, key=lambda row: row["time"])


CASES: dict[str, Case] = {
    "habit-ends": (lambda: reports(2000), lambda: reports(4000)),
    "device-away": (lambda: away((1000, 2000)), away),
    "network-silent": (lambda: network(until=2000, others=40), network),
    "link-status-stops": (lambda: links(600), lambda: links(1500)),
    "polling-stops": (lambda: polls(1200), lambda: polls(4000)),
    "parent-lost": (lambda: orphans(4), lambda: orphans(0)),
    "ota-restarts": (lambda: download(0, 50, 100, 0, 50, 0, 50), lambda: download(0, 0, 50, 100, 150)),
}

test_broken_and_kept = each_of(CASES)


def told(rule: str, rows: Rows) -> list[tuple[str, str]]:
    return [(f.severity, f.evidence) for f in check(decoded(rows), rules=[rule]).findings]


def test_reports_to_a_display_that_is_gone_and_others_in_their_place_are_no_end() -> None:
    assert not told("habit-ends", reports(2000, asks_on=2000))
    [(severity, text)] = told("habit-ends", reports(2000, instead=True))
    assert severity == "info" and "goes on with other commands" in text
    [(severity, text)] = told("habit-ends", reports(2000))
    assert severity == "warning" and "every 10 s, none behind frame" in text and "stand still" in text


def test_a_router_that_comes_and_goes_has_no_long_pauses_for_habit() -> None:
    there = [n for n in range(480) if n * 15 % 900 < 400]
    rows = [packet(n * 15.0, METER, None, mac_seq=n % 256, **LINK) for n in there] + stream(
        480, HUB, step=15.0
    )
    [(severity, text)] = told("device-away", sorted(rows, key=lambda row: row["time"]))
    assert severity == "warning" and "gone 7 times" in text and "every 60 s at least" in text


def test_a_pause_over_which_the_counter_rose_was_only_not_heard() -> None:
    [(severity, text)] = told("device-away", away((1000, 2000), counter=99))
    assert severity == "info" and "the sniffer did not hear it" in text


def test_a_counter_that_goes_on_at_a_stored_place_is_a_restart() -> None:
    [(severity, text)] = told("device-away", away((1000, 2000), counter=1024 - 1102))
    assert severity == "warning" and "begun anew" in text


def test_each_pause_is_counted() -> None:
    [(_, text)] = told("device-away", away((500, 1000), (2000, 2500)))
    assert text.startswith("gone 2 times, the longest: nothing for 500 s")


def test_a_pause_of_the_whole_home_is_its_network_s() -> None:
    rows = [row for row in away() if not 1000 < row["time"] / 1e9 - 1_700_000_000 < 2000]
    assert not told("device-away", rows)
    [(severity, text)] = told("network-silent", rows)
    assert severity == "warning" and "nobody heard for 1,0" in text


def test_habit_leaves_rare_pauses_away() -> None:
    view = View.of(decoded(away((1000, 2000))))
    one = presences(view)[METER]
    assert habit(one.seconds[1:] - one.seconds[:-1]) == 10.0
    assert one.pan and SHORTS[METER]
