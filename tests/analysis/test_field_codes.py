"""Codes that devices answer with are told in words; here one of each kind, all of them by `python -m tests.analysis.field_codes`."""

from analysis.rules.links.network_status import statuses
from analysis.rules.refusals.codes import rows_of
from tests.analysis.field_codes import PLAYERS, elsewhere, heard_rows, play

REFUSED = [row for row in heard_rows() if row["what"] == "refused"]


def test_every_kind_of_answer_is_played() -> None:
    kinds = {row["of"] for row in rows_of("response_codes")}
    assert kinds == {*PLAYERS, *elsewhere} and all(elsewhere.values())


def test_a_code_of_each_kind_is_told_in_words() -> None:
    last = {row["of"]: row for row in REFUSED if row["of"] != "nwk"}
    first_of_routes = next(row for row in REFUSED if row["of"] == "nwk")
    said = play([*last.values(), first_of_routes])
    assert [
        (one.row["of"], one.row["code"], one.how, one.sentence) for one in said if one.how != "told"
    ] == []


def test_codes_that_are_no_fault_are_right() -> None:
    fine = {row["of"]: row for row in heard_rows() if row["what"] == "ok"}
    said = play(list(fine.values()))
    assert [(one.row["of"], one.how, one.sentence) for one in said if one.how != "right"] == []


def test_network_statuses_are_all_known() -> None:
    codes = {int(row["code"], 0) for row in rows_of("response_codes") if row["of"] == "nwk"}
    assert set(statuses()) == codes
