"""DLMS associations and access: GBCS closes what DLMS leaves to negotiation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from analysis.features.identifiers import interface_class
from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import (
    DEVICES,
    MESSAGE_RULE,
    TABLES,
    departure,
    gbcs,
    in_tunnels,
    judge_items,
    judge_messages,
    message_items,
    roles_of,
)
from analysis.rules.registry import rules_of
from dissectors.layout import table

rule = rules_of("compliance", "dlms associations")

ITEMS_RULE: dict[str, Any] = {"needs": ("messages", "items"), "cause": "message format"}
ASSOCIATION, SAPS = interface_class("association_ln"), interface_class("sap_assignment")
CLOSED = [ASSOCIATION, SAPS, interface_class("image_transfer"), interface_class("security_setup")]
PUBLIC = 16  # the public client's service access point (IEC 62056-53 4.3.4; IEC 62056-46 for HDLC)
PUBLIC_CLASSES, DEVICE_NAME = (ASSOCIATION, SAPS), "0-0:42.0.0.255"


@rule(
    "fixed-classes",
    "An object that GBCS closes is addressed",
    severity="error",
    source="GBCS v0.8.1 (pages 81, 129)",
    confidence="text",
    merges=("spec:R017", "spec:R019", "disapplied:59", "disapplied:60", "disapplied:83"),
    unseen="GBCS commands with a DLMS payload",
    advice="Find out who built the command: no use case of GBCS needs these objects",
    **MESSAGE_RULE,
)
def fixed_classes(view: View) -> Iterator[Evidence]:
    """Associations, their SAP assignment, the security setup and image transfer (classes 15, 17, 64, 18) are
    fixed at manufacture or dis-applied in GB: no command may address them, whatever the answer is."""
    rows = gbcs(view, "command")
    rows = rows[mask(rows["payload_kind"].astype(str).str.startswith("dlms"))]
    yield from departure(view, rows, "class:(?:15|17|18|64)", "it addresses a closed class ({departures})")


@rule(
    "public-client",
    "A meter shows an object to somebody without authentication",
    severity="error",
    source="GBCS v0.8.1 7.3.8 (page 81)",
    confidence="text",
    merges=("spec:R015", "disapplied:58"),
    needs=("messages", "items"),
    cause="gbcs protection",
    unseen="DLMS answers to the public client (service access point 16), outside GBCS messages, with their objects",
    advice="The public association may only show SAP assignment, device name and its object list",
)
def public_client(view: View) -> Iterator[Evidence]:
    """Whoever asks without being authenticated is the public client (client SAP 16). It may read the SAP assignment
    (class 17), the logical device name and the association (class 15) with its list of objects: nothing else may be
    answered."""
    messages, items = view.tables["messages"], view.tables["items"]
    if gbcs(view).empty:
        return  # a plain meter is no device of GBCS
    asked = mask(
        messages["payload_kind"].astype(str).str.endswith("-request")
    )  # what a client writes is no answer
    plain = messages[mask(messages["kind"] == "dlms") & mask(messages["client_sap"] == PUBLIC) & ~asked]
    rows = items[mask(items["message"].isin(plain["message"])) & mask(items["class_id"].notna())]
    rows = rows[mask(rows["value"].notna()) & mask(rows["result"].isna() | (rows["result"] == "success"))]
    named = plain["use_case"].astype(object).where(plain["use_case"].notna(), plain["name"].astype(object))
    rows = rows.merge(plain[["message", "frames", "cra"]].assign(use_case=named), on="message")
    shown = mask(rows["class_id"].isin(PUBLIC_CLASSES)) | mask(rows["obis"].astype(str) == DEVICE_NAME)
    yield from judge_items(rows, ~shown, "{object} was answered to a public client")


@cache
def _objects() -> dict[int, set[tuple[int, str]]]:
    out: dict[int, set[tuple[int, str]]] = {}
    for row in table("gbcs", "dlms_objects_by_usecase"):
        if row["class_id"].isdigit():
            out.setdefault(int(row["message_code"], 16), set()).add((int(row["class_id"]), row["obis"]))
    return out


@rule(
    "object-outside-use-case",
    "A device answers for an object that its use case does not have",
    severity="warning",
    source="GBCS v0.8.1 7.3.8 (pages 79, 81); use-case tables",
    confidence="derived",
    merges=("spec:R018", "spec:R022", "disapplied:63"),
    unseen="successful DLMS responses with named objects",
    advice="Extra objects are for use inside the meter only: ask its maker what this one is",
    **ITEMS_RULE,
)
def object_outside_use_case(view: View) -> Iterator[Evidence]:
    """Each use case of GBCS has a closed list of objects. What a role was not granted has no access, and what
    a maker added for itself is not reached over the HAN: a success for another object breaks that."""
    rows = message_items(view, ".*", "response", ".*", "result")
    codes = view.tables["messages"].set_index("message")["message_code"]
    code = rows["message"].map(codes)
    rows = rows[mask(code.isin(list(_objects()))) & mask(rows["result"] == "success")]
    rows = rows[mask(rows["class_id"].notna()) & mask(rows["obis"].notna())].reset_index(drop=True)
    listed = [
        (int(c), str(o)) in _objects()[int(m)]
        for c, o, m in zip(rows["class_id"], rows["obis"], rows["message"].map(codes), strict=True)
    ]
    yield from judge_items(rows, ~np.array(listed, bool), "{object} ({obis}) is not of {use_case}")


@rule(
    "dlms-association-attempt",
    "Somebody tries to open or release an association",
    severity="warning",
    source="GBCS v0.8.1 7.3.8 (page 81)",
    confidence="text",
    merges=("rules:G34", "spec:R013", "disapplied:56", "disapplied:64", "spec:R017", "spec:R019"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="messages in tunnels",
    advice="Associations are set at manufacture: the meter must reject it; see who tries",
)
def dlms_association_attempt(view: View) -> Iterator[Evidence]:
    """The associations of a meter are fixed at manufacture. An AARQ or RLRQ, or a bare GET, SET or ACTION,
    is an attempt to get in some other way; a positive answer to it is a fault."""
    inside = in_tunnels(view, view.tables["messages"])
    rows = inside[mask(inside["kind"] == "dlms")]
    name = rows["name"].astype(str).str.lower()
    tried = mask(name.str.contains("aarq|aare|rlrq|rlre|^get|^set|^action|initiate"))
    yield from judge_messages(view, rows, tried, "{name} in a tunnel", "of pre-established associations")
    if rows.empty:
        own = gbcs(view)
        yield from judge_messages(view, own, [False] * len(own), "", "within GBCS")


@rule(
    "image-transfer-over-dlms",
    "Firmware or associations are touched through DLMS",
    severity="error",
    source="GBCS v0.8.1 7.3.8 (page 81), 11 (page 129)",
    confidence="text",
    merges=("spec:R017", "spec:R019", "disapplied:83", "disapplied:59", "disapplied:60"),
    needs=("messages", "items"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a DLMS response with results",
    advice="These objects are fixed at manufacture or not reachable: report a success",
)
def image_transfer_over_dlms(view: View) -> Iterator[Evidence]:
    """Association (class 15), SAP assignment (17), image transfer (18) and security setup (64) are not
    changed over the air. A successful result for one of them is a fault of the meter."""
    answers = gbcs(view, "response")
    items = view.tables["items"]
    inside = items[mask(items["message"].isin(answers["message"])) & mask(items["class_id"].notna())]
    touched = inside[mask(inside["class_id"].isin(CLOSED)) & mask(inside["result"] == "success")]
    judged = answers[mask(answers["message"].isin(inside["message"]))]
    bad = mask(judged["message"].isin(touched["message"]))
    yield from judge_messages(view, judged, bad, "success on a fixed object", "of ordinary objects")


@rule(
    "dlms-to-non-dlms-device",
    "A DLMS message for a device without DLMS",
    severity="error",
    source="GBCS v0.8.1 7.3 introduction (page 79)",
    confidence="text",
    merges=("rules:G19", "spec:R021", "disapplied:62"),
    needs=("messages", "devices"),
    cause="message format",
    smart_energy=True,
    unseen="a DLMS command to a device whose role is known",
    advice="Look at the sender's addressing",
)
def dlms_to_non_dlms_device(view: View) -> Iterator[Evidence]:
    """Only the electricity meter, and a hub that has a DLMS server, speak DLMS COSEM; gas meters, displays
    and load controllers speak ZigBee inside GBCS. A DLMS command to one of these went to the wrong device."""
    rows = gbcs(view)
    dlms = mask(rows["payload_kind"].astype(str).str.startswith("dlms-access-request"))
    rows = rows[dlms]
    role = roles_of(view, rows["recipient"])
    rows, role = rows[mask(role.isin(DEVICES))], role[mask(role.isin(DEVICES))]
    bad = mask(role.isin(["GSME", "PPMID", "IHD", "CAD"]))
    yield from judge_messages(view, rows.assign(role=role), bad, "DLMS to a {role}", "to a device with DLMS")


@rule(
    "dlms-roles-reversed",
    "A device asks, or a remote party answers, in DLMS",
    severity="error",
    source="GBCS v0.8.1 4.2, 4.3 (page 27)",
    confidence="text",
    merges=("spec:R006",),
    needs=("messages", "devices"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="DLMS messages between parties whose roles are known",
    advice="The originator is not what it says: check certificates",
)
def dlms_roles_reversed(view: View) -> Iterator[Evidence]:
    """The access control broker is always the DLMS client and the device the server: a device never sends
    an access request."""
    rows = gbcs(view)
    kind = rows["payload_kind"].astype(str)
    rows = rows[mask(kind.isin(["dlms-access-request", "dlms-access-response"]))]
    role = roles_of(view, rows["originator"])
    rows, role = rows[mask(role.notna())], role[mask(role.notna())]
    device = mask(role.isin(DEVICES))
    asks = mask(rows["payload_kind"] == "dlms-access-request")
    yield from judge_messages(
        view, rows.assign(role=role), device == asks, "{payload_kind} by {role}", "in role"
    )
