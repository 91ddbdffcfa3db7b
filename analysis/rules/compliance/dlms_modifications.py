"""What GBCS modifies, restricts or dis-applies in DLMS COSEM, as messages show it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from analysis.features.identifiers import class_attribute, interface_class
from analysis.features.judging import mask
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.rules.compliance.gbcs_messages import (
    MESSAGE_RULE,
    departure,
    gbcs,
    judge_items,
    judge_messages,
    message_items,
    subject_of,
    use_cases,
)
from analysis.rules.registry import rules_of
from dissectors.layout import table

rule = rules_of("compliance", "dlms modifications")

ITEMS_RULE: dict[str, Any] = {"needs": ("messages", "items"), "cause": "message format"}
GB_DATA = interface_class("extended_data")
PASSIVE_PARTS = [
    class_attribute(GB_DATA, name)
    for name in ("value_passive", "scaler_unit_passive", "activate_passive_value_time")
]
CALENDAR, ACCOUNT, CHARGE = (interface_class(name) for name in ("activity_calendar", "account", "charge"))
ACTIVE_CALENDAR = frozenset(
    class_attribute(CALENDAR, f"{part}_active")
    for part in ("calendar_name", "season_profile", "week_profile_table", "day_profile_table")
)
FIRST, LAST = (
    class_attribute(ACCOUNT, "current_credit_status"),
    class_attribute(ACCOUNT, "max_provision_period"),
)
# Objects that have a passive twin: class, active OBIS (regular expression), and active attributes (None: all).
ACTIVE_TWINS: tuple[tuple[int, str, frozenset[int] | None], ...] = (
    (interface_class("special_days_table"), r"0-0:11\.0\.0\.255", None),
    (CALENDAR, ".*", ACTIVE_CALENDAR),
    (interface_class("register_monitor"), r"0-0:16\.0\.1[1-8]\.255", None),
    (ACCOUNT, r"0-0:19\.0\..*", frozenset(range(FIRST, LAST + 1))),
    (CHARGE, ".*", frozenset({class_attribute(CHARGE, "unit_charge_active")})),
)


@rule(
    "dlms-invoke-id",
    "The invoke ID is not made of the originator counter",
    severity="warning",
    source="GBCS v4.0 use-case annex; 743 of 743 messages of RTDS 4.5.0",
    confidence="derived",
    merges=("disapplied:77",),
    unseen="GBCS messages with a DLMS payload",
    advice="Look at the sender's software: a gateway of another DLMS profile, or a forged message",
    **MESSAGE_RULE,
)
def dlms_invoke_id(view: View) -> Iterator[Evidence]:
    """DLMS numbers its requests as it likes. GBCS wants the long invoke ID to be 20 and the low 24 bits of
    the originator counter, so that the payload cannot be moved into another message unnoticed."""
    rows = gbcs(view)
    rows = rows[mask(rows["payload_kind"].astype(str).str.startswith("dlms"))]
    yield from departure(view, rows, "invoke-id", "it repeats another number in its invoke ID")


@rule(
    "system-title-order",
    "A system title in the wrong order",
    severity="error",
    source="GBCS v0.8.1 (page 145); RTDS 4.5.0",
    confidence="derived",
    merges=("disapplied:75",),
    unseen="GBCS messages from or to a device whose EUI-64 is known",
    advice="The sender took the octets of the EUI-64 in radio order: display order is wanted",
    needs=("messages", "devices"),
    cause="message format",
)
def system_title_order(view: View) -> Iterator[Evidence]:
    """Originator and recipient of a message are Entity Identifiers: the EUI-64 as it is printed. On the radio
    the same octets run backwards, and a title in that order names nobody."""
    known = {f"{int(e):016x}" for e in view.tables["devices"]["eui64"].dropna()}
    backwards = {bytes.fromhex(e)[::-1].hex() for e in known} - known
    rows = gbcs(view)
    ends = [rows[c].astype(str).str.lower() for c in ("originator", "recipient")]
    wrong = mask(ends[0].isin(backwards)) | mask(ends[1].isin(backwards))
    judged = wrong | mask(ends[0].isin(known)) | mask(ends[1].isin(known))
    text = "{originator} to {recipient}: one of them is a device's EUI-64 backwards"
    yield from judge_messages(view, rows[judged], wrong[judged], text, "with titles in display order")


@cache
def _listed() -> frozenset[tuple[int, str, int]]:
    """Class, OBIS and attribute of every object in the tables of use cases that write."""
    rows = (row for row in table("gbcs", "dlms_objects_by_usecase") if row["class_id"].isdigit())
    updates = (
        row
        for row in rows
        if use_cases().get(int(row["message_code"], 16), {}).get("read_or_update") == "Update"
    )
    return frozenset((int(r["class_id"]), r["obis"], int(r["number"] or 0)) for r in updates)


def _written(view: View) -> Frame:
    """Objects that commands write, but for those that a use case's own table has at that very attribute."""
    rows = message_items(view, "E.*|CS.*|CCS.*", "command", ".*")
    rows = rows[mask(rows["class_id"].notna()) & mask(rows["attribute"].notna())]
    places = zip(rows["class_id"], rows["obis"], rows["attribute"], strict=True)
    listed = mask([(int(c), str(o), int(a)) in _listed() for c, o, a in places])
    return rows.assign(listed=listed).reset_index(drop=True)


@rule(
    "class-9000-parts",
    "Extended data is written at an attribute that is not for writing",
    severity="warning",
    source="GBCS v0.8.1 7.3.7 (page 107)",
    confidence="text",
    merges=("disapplied:80", "spec:R025", "spec:R026", "spec:R027"),
    unseen="commands that write objects of class 9000",
    advice="Future values go to attribute 4 (with its scale 5), their time to attribute 6",
    **ITEMS_RULE,
)
def class_9000_parts(view: View) -> Iterator[Evidence]:
    """GBCS's own class 9000 holds the active value (2, 3), the passive one (4, 5) and the time at which it
    becomes active (6). Commands write the passive value and the time, never the active value."""
    rows = _written(view)
    rows = rows[mask(rows["class_id"] == GB_DATA)].reset_index(drop=True)
    direct = ~mask(rows["attribute"].isin(PASSIVE_PARTS)) & ~mask(rows["listed"])
    yield from judge_items(rows, direct, "{object} is written directly")


@rule(
    "active-object-written",
    "The active twin of an object is written",
    severity="warning",
    source="GBCS v0.8.1 7.3.7 (page 107), 7.3.9 (page 88)",
    confidence="text",
    merges=("disapplied:82", "disapplied:81", "spec:R023"),
    unseen="commands that write calendars, special days, thresholds, accounts or charges",
    advice="Write the passive twin and its activation time; the meter copies it over",
    **ITEMS_RULE,
)
def active_object_written(view: View) -> Iterator[Evidence]:
    """Calendars, special days, register monitors, accounts and charges have an active and a passive twin. The
    passive one is written and copied when its time comes; the active one is only read."""
    rows = _written(view)
    active = np.zeros(len(rows), bool)
    twins = mask(rows["class_id"].isin([c for c, _, _ in ACTIVE_TWINS]))
    for class_id, obis, attributes in ACTIVE_TWINS:
        same = mask(rows["class_id"] == class_id) & mask(rows["obis"].astype(str).str.fullmatch(obis))
        active |= same & (True if attributes is None else mask(rows["attribute"].isin(list(attributes))))
    active &= mask(rows["attribute"] > 0) & ~mask(rows["listed"])
    yield from judge_items(rows[twins].reset_index(drop=True), active[twins], "{object} is the active twin")


@rule(
    "register-device-result",
    "A device could not be added to the device log",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01",
    confidence="text",
    merges=("disapplied:87", "spec:R125"),
    unseen="answers to CCS01 (add device to the device log)",
    advice="A device that is listed already still gives success: look for a full log or a wrong type",
    **ITEMS_RULE,
)
def register_device_result(view: View) -> Iterator[Evidence]:
    """Adding a device that the log holds already leaves its key alone and gives success. Any other result
    means that the hub refused the device."""
    rows = message_items(view, "CCS01", "response", r".*register_device.*", "result")
    yield from judge_items(rows, ~mask(rows["result"] == "success"), "{object}: {result}")


@rule(
    "other-reason-to-the-end",
    "Later parts succeed after one was refused for its period",
    severity="warning",
    source="GBCS v4.0 use-case annex ECS47",
    confidence="text",
    merges=("disapplied:89", "spec:R164"),
    unseen="a response to ECS47 with the result other-reason",
    advice="The controller took half of a command: read its settings back",
    **ITEMS_RULE,
)
def other_reason_to_the_end(view: View) -> Iterator[Evidence]:
    """A period of the auxiliary controller that does not end within 24 hours of its start is refused with
    other-reason, and so is every item after it: the command takes effect as a whole or not at all."""
    rows = message_items(view, "ECS47.*", "response", ".*", "result")
    rows = rows.sort_values(["message", "item"])
    refused = mask(rows["result"] == "other-reason")
    rows = rows.assign(since=np.where(refused, 1, 0)).reset_index(drop=True)
    since = rows.groupby("message")["since"].cummax().to_numpy() == 1
    judged = rows.groupby("message")["since"].transform("max").to_numpy() == 1
    wrong = since & ~mask(rows["result"] == "other-reason")
    yield from judge_items(rows[judged].reset_index(drop=True), wrong[judged], "{object}: {result}")


@rule(
    "controller-period",
    "A period of the auxiliary controller is longer than a day",
    severity="warning",
    source="GBCS v4.0 use-case annex ECS47",
    confidence="text",
    merges=("spec:R164",),
    unseen="a command ECS47 with the start and end of its period",
    advice="The meter must refuse it with other-reason: look for its answer",
    **ITEMS_RULE,
)
def controller_period(view: View, *, hours: float = 24.0) -> Iterator[Evidence]:
    """The period in which a setting or a limit holds ends after it starts, and at most 24 hours later."""
    import pandas as pd

    rows = message_items(view, "ECS47.*", "command", ".*Controller: value")
    rows = rows.assign(when=pd.to_datetime(rows["value"], errors="coerce", utc=True, format="ISO8601"))
    rows = rows[mask(rows["when"].notna())].sort_values(["message", "item"])
    for (number, controller), part in rows.groupby(["message", "object"], sort=False, observed=True):
        start, end = part["when"].iloc[0], part["when"].iloc[-1]
        length = (end - start).total_seconds() / 3600
        subject = subject_of(number, part["use_case"].iloc[0])
        name = str(controller).partition(":")[0]
        if len(part) < 2:
            continue
        frames = list(part["frames"].iloc[0] or [])
        if 0 < length <= hours:
            yield kept(subject, f"{name}: a period of {length:.1f} h")
        else:
            yield broken(
                subject, f"{name}: a period from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}", frames
            )
