"""What GBCS modifies, restricts or dis-applies in DLMS COSEM, as messages show it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, reduce
from operator import or_

import numpy as np

from analysis.features.identifiers import class_attribute, interface_class
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import (
    OF_ITEM,
    OF_SUBJECT,
    judge_items,
    judge_messages,
    subject_of,
    use_cases,
    uses,
)
from analysis.rules.declare import (
    EachItem,
    EachMessage,
    Evidence,
    Frame,
    Item,
    View,
    broken,
    c,
    declare,
    devices,
    kept,
    messages,
)
from analysis.rules.expression import Condition
from analysis.rules.registry import rules_of
from dissectors.layout import table

AREA = "dlms modifications"
rule = rules_of("compliance", AREA)
declared = partial(
    declare, family="compliance", area=AREA, severity="warning", confidence="text", cause="message format",
    kept_by="proving-exercise",
)  # fmt: skip

GB_DATA = interface_class("extended_data")
PASSIVE_PARTS = tuple(
    class_attribute(GB_DATA, name)
    for name in ("value_passive", "scaler_unit_passive", "activate_passive_value_time")
)
CALENDAR, ACCOUNT, CHARGE = (interface_class(name) for name in ("activity_calendar", "account", "charge"))
ACTIVE_CALENDAR = (
    class_attribute(CALENDAR, f"{part}_active")
    for part in ("calendar_name", "season_profile", "week_profile_table", "day_profile_table")
)
FIRST, LAST = (
    class_attribute(ACCOUNT, "current_credit_status"),
    class_attribute(ACCOUNT, "max_provision_period"),
)
SPECIAL_DAYS, MONITOR = interface_class("special_days_table"), interface_class("register_monitor")
TWINS = (SPECIAL_DAYS, CALENDAR, MONITOR, ACCOUNT, CHARGE)
"""Classes of objects that have a passive twin."""
ACTIVE = (
    ((c.class_id == SPECIAL_DAYS) & (c.obis == "0-0:11.0.0.255"))
    | ((c.class_id == CALENDAR) & c.attribute.isin(*ACTIVE_CALENDAR))
    | ((c.class_id == MONITOR) & c.obis.fullmatch(r"0-0:16\.0\.1[1-8]\.255"))
    | ((c.class_id == ACCOUNT) & c.obis.search(r"^0-0:19\.0\.") & c.attribute.between(FIRST, LAST))
    | ((c.class_id == CHARGE) & (c.attribute == class_attribute(CHARGE, "unit_charge_active")))
)
WRITTEN = Item("E.*|CS.*|CCS.*", "command", ".*").where(c.class_id.known, c.attribute.known)


def _listed(*classes: int) -> Condition:
    """Attributes of objects of these classes that the tables of use cases have for writing."""
    places: dict[tuple[int, int], list[str]] = {}
    for row in table("gbcs", "dlms_objects_by_usecase"):
        kind = use_cases().get(int(row["message_code"] or "0", 16), {}).get("read_or_update")
        if kind == "Update" and row["class_id"].isdigit() and int(row["class_id"]) in classes:
            places.setdefault((int(row["class_id"]), int(row["number"] or 0)), []).append(row["obis"])
    every = ((c.class_id == k) & (c.attribute == a) & c.obis.isin(*obis) for (k, a), obis in places.items())
    return reduce(or_, every)


declared(
    id="dlms-invoke-id",
    title="The invoke ID is not made of the originator counter",
    finds="""DLMS numbers its requests as it likes. GBCS wants the long invoke ID to be 20 and the low 24 bits of the
    originator counter.""",
    matters="Else the payload could be moved into another message unnoticed.",
    example="message 9 (ECS52 command): it repeats another number in its invoke ID",
    confidence="derived", cause="dlms-invoke-id", smart_energy=True,
    source="GBCS v4.0 use-case annex; 743 of 743 messages of RTDS 4.5.0",
    covers=("disapplied:77",),
    requires="GBCS messages with a DLMS payload",
    advice="Look at the sender's software: a gateway of another DLMS profile, or a forged message",
    broken_by="planted: a payload of another message is sent",
    judge=EachMessage(
        messages.where(c.payload_kind.search("^dlms"), c.departures.known), uses("invoke-id"),
        says="it repeats another number in its invoke ID",
    ),
)  # fmt: skip


@rule(
    "system-title-order",
    "A system title in the wrong order",
    severity="error",
    source="GBCS v0.8.1 (page 145); RTDS 4.5.0",
    confidence="derived",
    merges=("disapplied:75",),
    unseen="GBCS messages from or to a device whose EUI-64 is known",
    advice="The sender took the octets of the EUI-64 in radio order: display order is wanted",
    reads=[messages[*OF_SUBJECT, c.originator, c.recipient], devices.where(c.eui64.known)[c.eui64]],
    cause="message format",
)
def system_title_order(view: View, rows: Frame, addresses: Frame) -> Iterator[Evidence]:
    """Originator and recipient of a message are Entity Identifiers: the EUI-64 as it is printed. On the radio
    the same octets run backwards, and a title in that order names nobody."""
    known = {f"{int(eui64):016x}" for eui64 in addresses["eui64"]}
    backwards = {bytes.fromhex(one)[::-1].hex() for one in known} - known
    ends = [rows[name].astype(str).str.lower() for name in ("originator", "recipient")]
    wrong = mask(ends[0].isin(backwards)) | mask(ends[1].isin(backwards))
    judged = wrong | mask(ends[0].isin(known)) | mask(ends[1].isin(known))
    text = "{originator} to {recipient}: one of them is a device's EUI-64 backwards"
    yield from judge_messages(view, rows[judged], wrong[judged], text, "with titles in display order")


declared(
    id="class-9000-parts",
    title="Extended data is written at an attribute that is not for writing",
    finds="""GBCS's own class 9000 holds the active value (2, 3), the passive one (4, 5) and the time at which it becomes
    active (6). Commands write the passive value and the time, never the active value.""",
    matters="A correct meter refuses it; another one takes it at once, and not when it should.",
    example="message 8 (ECS08a): PrepaymentCredit(MaxMeterBalance): valueCurrent is written directly",
    source="GBCS v0.8.1 7.3.7 (page 107)",
    covers=("disapplied:80", "spec:R025", "spec:R026", "spec:R027"),
    requires="commands that write objects of class 9000",
    advice="Future values go to attribute 4 (with its scale 5), their time to attribute 6",
    broken_by="planted: the active value of extended data is written",
    judge=EachItem(
        WRITTEN.where(c.class_id == GB_DATA), ~c.attribute.isin(*PASSIVE_PARTS) & ~_listed(GB_DATA),
        says="{object} is written directly",
    ),
)  # fmt: skip

declared(
    id="active-object-written",
    title="The active twin of an object is written",
    finds="""Calendars, special days, register monitors, accounts and charges have an active and a passive twin. The
    passive one is written and copied when its time comes; the active one is only read.""",
    matters="What is written into the active twin is refused, or takes effect at once.",
    example="message 11 (ECS02): PaymentMode: account_activation_time is the active twin",
    source="GBCS v0.8.1 7.3.7 (page 107), 7.3.9 (page 88)",
    covers=("disapplied:82", "disapplied:81", "spec:R023"),
    requires="commands that write calendars, special days, thresholds, accounts or charges",
    advice="Write the passive twin and its activation time; the meter copies it over",
    broken_by="planted: the active account is written",
    judge=EachItem(
        WRITTEN.where(c.class_id.isin(*TWINS)), ACTIVE & (c.attribute > 0) & ~_listed(*TWINS),
        says="{object} is the active twin",
    ),
)  # fmt: skip

declared(
    id="register-device-result",
    title="A device could not be added to the device log",
    finds="Adding a device that the log holds already leaves its key alone and gives success.",
    matters="Any other result means that the hub refused the device, which then cannot join.",
    example="message 4 (CCS01): DeviceLog: register_device: object-unavailable",
    source="GBCS v4.0 use-case annex CCS01",
    covers=("disapplied:87", "spec:R125"),
    requires="answers to CCS01 (add device to the device log)",
    advice="A device that is listed already still gives success: look for a full log or a wrong type",
    broken_by="planted: a hub does not take a device into its log", kept_by="talk: hub",
    judge=EachItem(
        Item("CCS01", "response", r".*register_device.*", "result"), c.result != "success",
        says="{object}: {result}",
    ),
)  # fmt: skip


@rule(
    "other-reason-to-the-end",
    "Later parts succeed after one was refused for its period",
    severity="warning",
    source="GBCS v4.0 use-case annex ECS47",
    confidence="text",
    merges=("disapplied:89", "spec:R164"),
    unseen="a response to ECS47 with the result other-reason",
    advice="The controller took half of a command: read its settings back",
    reads=[Item("ECS47.*", "response", ".*", "result")[*OF_ITEM, c.item, c.result]],
    cause="message format",
)
def other_reason_to_the_end(view: View, rows: Frame) -> Iterator[Evidence]:
    """A period of the auxiliary controller that does not end within 24 hours of its start is refused with
    other-reason, and so is every item after it: the command takes effect as a whole or not at all."""
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
    reads=[
        Item("ECS47.*", "command", ".*Controller: value")[
            c.message, c.item, c.frames, c.use_case, c.object, c.value
        ]
    ],
    cause="message format",
)
def controller_period(view: View, rows: Frame, *, hours: float = 24.0) -> Iterator[Evidence]:
    """The period in which a setting or a limit holds ends after it starts, and at most 24 hours later."""
    import pandas as pd

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
