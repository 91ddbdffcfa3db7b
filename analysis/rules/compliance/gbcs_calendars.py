"""Calendars and tariffs in messages: what belongs together, and what a day begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.rules.compliance.gbcs_messages import (
    gbcs,
    judge_items,
    judge_messages,
    message_items,
    subject_of,
)
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gbcs calendars")

ITEMS_RULE: dict[str, Any] = {"needs": ("messages", "items"), "cause": "message format"}


@rule(
    "day-first-trigger",
    "A day's schedule does not begin at midnight",
    severity="warning",
    source="GBCS v4.0 use-case annex GCS21b",
    confidence="text",
    merges=("spec:R160",),
    unseen="day profiles (PublishDayProfile) with schedule entries in a message",
    advice="From midnight to the first entry no price holds: look at the calendar",
    **ITEMS_RULE,
)
def day_first_trigger(view: View) -> Iterator[Evidence]:
    """The first entry of each day's schedule is at 00:00 UTC (0 minutes)."""
    rows = message_items(view, "G.*", "", r"Publish Day Profile: (?:day_schedule_entries\.start_time|day_id)")
    rows = rows.sort_values(["message", "item"]).reset_index(drop=True)
    day = mask(rows["object"].astype(str).str.contains("day_id"))
    first = ~day & mask(rows.groupby("message")["object"].shift().astype(str).str.contains("day_id"))
    starts = rows[first].reset_index(drop=True)
    yield from judge_items(starts, ~mask(starts["value"].astype(str) == "0"), "{object} is {value} minutes")


@rule(
    "calendar-half-set",
    "Parts of a calendar were set, others were not",
    severity="warning",
    source="GBCS v4.0 use-case annex GCS01a",
    confidence="text",
    merges=("spec:R156", "disapplied:38"),
    absent=1,
    unseen="the response to a command that sets a gas meter's calendar",
    advice="The meter must take all parts or none: compare its calendar with the one that was sent",
    **ITEMS_RULE,
)
def calendar_half_set(view: View) -> Iterator[Evidence]:
    """Calendar, day profiles, weeks and seasons of one command succeed or fail together."""
    rows = message_items(
        view, "GCS.*", "response", "Publish (?:Calendar|Day Profile|Week Profile|Seasons)", "result"
    )
    for number, part in rows.groupby("message", sort=False):
        good = mask(part["result"].astype(str).str.upper() == "SUCCESS")
        subject = subject_of(number, part["use_case"].iloc[0])
        if good.any() and not good.all():
            bad = ", ".join(part["object"].astype(str)[~good])
            yield broken(subject, f"{bad} failed, the other parts did not", part["frames"].iloc[0])
        else:
            yield kept(subject, "all parts alike")


@rule(
    "block-thresholds-needed",
    "A block tariff without its thresholds",
    severity="warning",
    source="GBCS v4.0 use-case annex GCS01a",
    confidence="text",
    merges=("spec:R157",),
    unseen="tariffs set by GCS01a, with the number of block thresholds in use",
    advice="The meter keeps the old thresholds: look at the command",
    **ITEMS_RULE,
)
def block_thresholds_needed(view: View) -> Iterator[Evidence]:
    """The command with the block thresholds may be left out only when the tariff uses none."""
    used = message_items(view, "GCS01a", "command", ".*: number_of_block_thresholds_in_use")
    brought = message_items(view, "GCS01a", "command", "Publish Block Thresholds: .*")
    some = used[mask(used["value"].astype(str) != "0")]
    rows = gbcs(view, "command")
    rows = rows[mask(rows["message"].isin(used["message"]))]
    lacking = mask(rows["message"].isin(some["message"])) & ~mask(rows["message"].isin(brought["message"]))
    yield from judge_messages(view, rows, lacking, "thresholds in use, but none published")
