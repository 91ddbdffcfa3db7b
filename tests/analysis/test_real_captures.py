"""Every finding of severity warning and above on the real captures is accounted for, and no account is stale."""

from pathlib import Path

from tests.analysis.real_captures import END, PAGE, START, accounts, page, said


def test_every_finding_is_accounted_for(shared_capture: Path) -> None:
    told = {row.finding for row in said(shared_capture)}
    known = {row.finding for row in accounts() if row.capture == shared_capture.name}
    assert told - known == set(), "no account is given of these: find out whether they are true"
    assert known - told == set(), "these are no longer said: take them out of real_findings.csv"


def test_every_account_says_what_it_is() -> None:
    assert all(len(row.account) > 20 for row in accounts())


def test_the_page_shows_the_accounts() -> None:
    text = PAGE.read_text("utf-8")
    assert text.partition(START)[2].partition(END)[0].strip() == page(accounts()), (
        "python -m tests.analysis.real_captures writes it"
    )
