"""Rules on refusals: what breaks each of them, what keeps it, and what is only information."""

from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.rules.refusals.codes import code_of, code_said, matter_of, rows_of
from tests.analysis.compliance.gbcs_tables import capture, item, response
from tests.analysis.compliance.rows import METERING, OTA, attribute, command, home
from tests.analysis.frames import HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of

TUNNELING = 0x0704
TARIFF, READ, REJOIN, DEVICE_REQUEST = 0x0019, 0x0027, 0x07, 0x0021
DISPLAY = 0x00DB00000000000B


def told(outcome: str, code: int = TARIFF, result: str = "success") -> Any:
    return capture([response(code, outcome=outcome)], [item(object="TariffSwitchingTable", result=result)])


def mirror(endpoint: int) -> Any:
    rows = [
        row
        for n in range(3)
        for row in command(n * 60, METERING, 0x01, METER, HUB, direction="to-server", endpoint_id=endpoint)
    ]
    return home(commands=rows, until=600)


def status(layer: str, number: int, name: str, code: int) -> Any:
    rows = [
        {**row, "layer": layer, "command_name": name, "cluster": None, "direction": None}
        for n in range(6)
        for row in command(n * 60, 0, number, HUB, METER, status=code)
    ]
    return home(commands=rows, until=600)


CASES: dict[str, Case] = {
    "command-refused": (lambda: told("failure", result="other-reason"), lambda: told("success")),
    "service-refused": (lambda: mirror(0xFFFF), lambda: mirror(3)),
    "network-refused": (
        lambda: status("nwk", REJOIN, "Rejoin Response", 2),
        lambda: status("nwk", REJOIN, "Rejoin Response", 0),
    ),
    "zdp-refused": (
        lambda: status("zdp", DEVICE_REQUEST, "Bind_rsp", 0x8C),
        lambda: status("zdp", DEVICE_REQUEST, "Bind_rsp", 0),
    ),
}

test_broken_and_kept = each_of(CASES)


def severities(tables: Any, rule: str) -> list[str]:
    result = check(tables, rules=[rule])
    assert not result.failures
    return [found.severity for found in result.findings]


def test_a_command_that_matters_warns_once_a_read_informs() -> None:
    assert severities(told("failure"), "command-refused") == ["warning"]
    assert severities(told("failure", READ), "command-refused") == ["info"]
    again = capture(
        [response(READ, n, outcome="failure") for n in range(4)], [item(result="object-undefined")]
    )
    assert severities(again, "command-refused") == ["warning"]


def test_what_was_carried_out_later_informs() -> None:
    rows = [response(TARIFF, 1, outcome="failure"), response(TARIFF, 60, outcome="success")]
    [found] = check(capture(rows, [item(result="other-reason")]), rules=["command-refused"]).findings
    assert found.severity == "info" and "carried out later" in found.evidence


def test_waiting_is_no_refusal() -> None:
    asked = command(5, OTA, 0x05, HUB, METER, direction="to-client", status=0x97)
    assert severities(home(commands=asked, until=600), "service-refused") == []


@pytest.mark.parametrize(("number", "severity"), [(0x0000, "warning"), (0x0C01, "info")])
def test_an_attribute_that_a_device_need_not_have_informs(number: int, severity: str) -> None:
    rows = [
        attribute(n * 60, METERING, number, None, HUB, destination=DISPLAY, command=1, status=0x86)
        for n in range(8)
    ]
    assert severities(home(attributes=rows, until=600), "reports-refused") == [severity]


@pytest.mark.parametrize(
    ("cluster", "asked", "severity"), [(0x0700, 0x00, "warning"), (0x0703, 0x00, "info")]
)
def test_that_nothing_is_stored_is_a_fault_of_prices_not_of_messages(
    cluster: int, asked: int, severity: str
) -> None:
    rows = []
    for n in range(4):
        ends: Any = {"aps_cluster": cluster, "zcl_seq": n}
        rows.append(
            smart_energy(
                1 + n * 60,
                METER,
                HUB,
                zcl_command=asked,
                zcl_type="cluster",
                zcl_direction="to-server",
                **ends,
            )
        )
        rows.append(
            smart_energy(
                1.2 + n * 60, HUB, METER, zcl_command=0x0B, zcl_type="general", zcl_status=0x8B, **ends
            )
        )
    assert severities(home(*rows), "reports-refused") == [severity]


@pytest.mark.parametrize(
    ("answers", "severity"),
    [((2, 2), "warning"), ((2, 0), "info"), ((0, 2, 2), "warning"), ((1, 1), "info"), ((2, 1), "info"),
     ((2, 2, 0), "info"), ((1,) * 5, "warning")],
)  # fmt: skip
def test_a_tunnel_that_is_not_given_in_the_end_warns_sooner_than_one_that_is_busy(
    answers: tuple[int, ...], severity: str
) -> None:
    rows = [
        row
        for n, answer in enumerate(answers)
        for row in command(n * 200, TUNNELING, 0x00, METER, HUB, direction="to-client", tunnel_status=answer)
    ]
    assert severities(home(commands=rows, until=3000), "tunnel-refused") == [severity]


def test_codes_have_words_and_what_to_do() -> None:
    for row in rows_of("response_codes"):
        assert row["meaning"] and row["do"] and row["source"] and row["what"] in ("ok", "wait", "refused"), (
            row
        )
    known = code_of("zcl", 0x8B)
    assert known is not None and known.what == "refused"
    write = code_said("CS03A1", "write failure")
    other = code_said("ECS01a", "other-reason")
    assert write is not None and "exchange device" in write.do and other is not None and "log" in other.do


def test_commands_that_matter() -> None:
    assert [getattr(matter_of(code), "matters", None) for code in (TARIFF, READ, 0x000D, 0x0012, 0x004F)] == [
        "tariff", None, "join", "activation", "supply",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "refused", "severity"), [(6, 6, "warning"), (2, 6, "info"), (6, 2, "info"), (0, 9, "info")]
)
def test_a_demand_that_was_given_before_and_is_refused_since(given: int, refused: int, severity: str) -> None:
    rows = [
        attribute(
            n * 10,
            METERING,
            0x0400,
            5,
            METER,
            destination=DISPLAY,
            command=1,
            status=0 if n < given else 0x86,
        )
        for n in range(given + refused)
    ]
    assert severities(home(attributes=rows, until=600), "reports-refused") == [severity]
