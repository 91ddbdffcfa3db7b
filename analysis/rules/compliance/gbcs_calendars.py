"""Calendars and tariffs in messages: what belongs together, and what a day begins with."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import COMMANDS, OF_ITEM, judge_items, subject_of
from analysis.rules.declare import (
    EachMessage,
    Evidence,
    Frame,
    Item,
    View,
    broken,
    c,
    declare,
    having,
    kept,
)
from analysis.rules.registry import rules_of

AREA = "gbcs calendars"
rule = rules_of("compliance", AREA)

DAYS = r"Publish Day Profile: (?:day_schedule_entries\.start_time|day_id)"
PARTS = "Publish (?:Calendar|Day Profile|Week Profile|Seasons)"
IN_USE = Item("GCS01a", "command", ".*: number_of_block_thresholds_in_use")
PUBLISHED = Item("GCS01a", "command", "Publish Block Thresholds: .*")


@rule(
    "day-first-trigger",
    "A day's schedule does not begin at midnight",
    severity="warning",
    source="GBCS v4.0 use-case annex GCS21b",
    confidence="text",
    merges=("spec:R160",),
    unseen="day profiles (PublishDayProfile) with schedule entries in a message",
    advice="From midnight to the first entry no price holds: look at the calendar",
    reads=[Item("G.*", "", DAYS)[*OF_ITEM, c.item, c.value]],
    cause="message format",
)
def day_first_trigger(view: View, rows: Frame) -> Iterator[Evidence]:
    """The first entry of each day's schedule is at 00:00 UTC (0 minutes)."""
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
    reads=[Item("GCS.*", "response", PARTS, "result")[c.message, c.frames, c.use_case, c.object, c.result]],
    cause="message format",
)
def calendar_half_set(view: View, rows: Frame) -> Iterator[Evidence]:
    """Calendar, day profiles, weeks and seasons of one command succeed or fail together."""
    for number, part in rows.groupby("message", sort=False):
        good = mask(part["result"].astype(str).str.upper() == "SUCCESS")
        subject = subject_of(number, part["use_case"].iloc[0])
        if good.any() and not good.all():
            bad = ", ".join(part["object"].astype(str)[~good])
            yield broken(subject, f"{bad} failed, the other parts did not", part["frames"].iloc[0])
        else:
            yield kept(subject, "all parts alike")


declare(
    id="block-thresholds-needed",
    title="A block tariff without its thresholds",
    finds="The command with the block thresholds may be left out only when the tariff uses none.",
    matters="The meter keeps the old thresholds, and bills by them.",
    example="message 6 (GCS01a command): thresholds in use, but none published",
    family="compliance", area=AREA, severity="warning", confidence="text", cause="message format",
    source="GBCS v4.0 use-case annex GCS01a",
    covers=("spec:R157",),
    requires="tariffs set by GCS01a, with the number of block thresholds in use",
    advice="The meter keeps the old thresholds: look at the command",
    broken_by="planted: a block tariff comes without its thresholds", kept_by="proving-exercise",
    judge=EachMessage(
        COMMANDS.where(having(IN_USE)), having(IN_USE.where(c.value != "0")) & ~having(PUBLISHED),
        says="thresholds in use, but none published",
    ),
)  # fmt: skip
