"""DLMS associations and access: GBCS closes what DLMS leaves to negotiation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import numpy as np

from analysis.features.identifiers import interface_class
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import (
    COMMANDS,
    DEVICES,
    OF_ITEM,
    OF_SUBJECT,
    RESPONSES,
    judge_items,
    judge_messages,
    uses,
)
from analysis.rules.declare import (
    EachMessage,
    Evidence,
    Frame,
    Item,
    View,
    all_messages,
    c,
    declare,
    having,
    items,
    messages,
    packets,
)
from analysis.rules.registry import rules_of
from dissectors.layout import table

AREA = "dlms associations"
rule = rules_of("compliance", AREA)
declared = partial(
    declare, family="compliance", area=AREA, severity="error", confidence="text", smart_energy=True,
    kept_by="proving-exercise",
)  # fmt: skip

ASSOCIATION, SAPS = interface_class("association_ln"), interface_class("sap_assignment")
CLOSED = (ASSOCIATION, SAPS, interface_class("image_transfer"), interface_class("security_setup"))
PUBLIC = 16  # the public client's service access point (IEC 62056-53 4.3.4; IEC 62056-46 for HDLC)
PUBLIC_CLASSES, DEVICE_NAME = (ASSOCIATION, SAPS), "0-0:42.0.0.255"
ATTEMPT = "aarq|aare|rlrq|rlre|^get|^set|^action|initiate"
CLIENT, SERVER = "dlms-access-request", "dlms-access-response"


declared(
    id="fixed-classes",
    title="An object that GBCS closes is addressed",
    finds="""Associations, their SAP assignment, the security setup and image transfer (classes 15, 17, 64, 18) are fixed
    at manufacture or dis-applied in GB: no command may address them, whatever the answer is.""",
    matters="Whoever reaches one of them may change who else is let in.",
    example="message 9 (ECS52 command): it addresses a closed class (class:64)",
    source="GBCS v0.8.1 (pages 81, 129)",
    covers=("spec:R017", "spec:R019", "disapplied:59", "disapplied:60", "disapplied:83"),
    requires="GBCS commands with a DLMS payload",
    advice="Find out who built the command: no use case of GBCS needs these objects",
    broken_by="planted: a command addresses the security setup",
    judge=EachMessage(
        COMMANDS.where(c.payload_kind.search("^dlms"), c.departures.known), uses("class:(?:15|17|18|64)"),
        says="it addresses a closed class ({departures})",
    ),
)  # fmt: skip


@rule(
    "public-client",
    "A meter shows an object to somebody without authentication",
    severity="error",
    source="GBCS v0.8.1 7.3.8 (page 81)",
    confidence="text",
    merges=("spec:R015", "disapplied:58"),
    reads=[
        all_messages.where(c.kind == "dlms", c.client_sap == PUBLIC, ~c.payload_kind.search("-request$"))[
            c.message, c.name
        ],
        items.where(c.kind == "dlms", c.class_id.known, c.value.known, ~(c.result != "success"))[
            *OF_ITEM, c.class_id
        ],
        messages[c.message],
    ],
    cause="gbcs protection",
    unseen="DLMS answers to the public client (service access point 16), outside GBCS messages, with their objects",
    advice="The public association may only show SAP assignment, device name and its object list",
)
def public_client(view: View, plain: Frame, rows: Frame, of_gbcs: Frame) -> Iterator[Evidence]:
    """Whoever asks without being authenticated is the public client (client SAP 16). It may read the SAP assignment
    (class 17), the logical device name and the association (class 15) with its list of objects: nothing else may be
    answered."""
    if of_gbcs.empty:
        return  # a plain meter is no device of GBCS
    rows = rows.merge(plain, on="message")
    named = rows["use_case"].astype(object)
    rows["use_case"] = named.where(named.notna(), rows["name"].astype(object))
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
    reads=[
        Item(".*", "response", ".*", "result").where(c.result == "success", c.class_id.known, c.obis.known)[
            *OF_ITEM, c.class_id, c.message_code
        ]
    ],
    cause="message format",
    unseen="successful DLMS responses with named objects",
    advice="Extra objects are for use inside the meter only: ask its maker what this one is",
)
def object_outside_use_case(view: View, rows: Frame) -> Iterator[Evidence]:
    """Each use case of GBCS has a closed list of objects. What a role was not granted has no access, and what
    a maker added for itself is not reached over the HAN: a success for another object breaks that."""
    rows = rows[mask(rows["message_code"].isin(list(_objects())))]
    places = zip(rows["message_code"], rows["class_id"], rows["obis"], strict=True)
    listed = [(int(number), str(obis)) in _objects()[int(code)] for code, number, obis in places]
    yield from judge_items(rows, ~np.array(listed, bool), "{object} ({obis}) is not of {use_case}")


@rule(
    "dlms-association-attempt",
    "Somebody tries to open or release an association",
    severity="warning",
    source="GBCS v0.8.1 7.3.8 (page 81)",
    confidence="text",
    merges=("rules:G34", "spec:R013", "disapplied:56", "disapplied:64", "spec:R017", "spec:R019"),
    reads=[all_messages.where(c.kind == "dlms")[OF_SUBJECT], messages[OF_SUBJECT]],
    besides=[packets.where(c.aps_cluster == "Tunneling")[c.frame]],
    cause="gbcs protection",
    smart_energy=True,
    unseen="messages in tunnels",
    advice="Associations are set at manufacture: the meter must reject it; see who tries",
)
def dlms_association_attempt(view: View, bare: Frame, of_gbcs: Frame, carriers: Frame) -> Iterator[Evidence]:
    """The associations of a meter are fixed at manufacture. An AARQ or RLRQ, or a bare GET, SET or ACTION,
    is an attempt to get in some other way; a positive answer to it is a fault. What came in by a network port or a
    serial line that was recorded too is none."""
    frames = set(carriers["frame"]) if len(bare) else set()
    rows = bare[np.array([not frames.isdisjoint(own) for own in bare["frames"]], np.bool_)]
    tried = mask(rows["name"].astype(str).str.lower().str.contains(ATTEMPT))
    yield from judge_messages(view, rows, tried, "{name} in a tunnel", "of pre-established associations")
    if rows.empty:
        yield from judge_messages(view, of_gbcs, [False] * len(of_gbcs), "", "within GBCS")


declared(
    id="image-transfer-over-dlms",
    title="Firmware or associations are touched through DLMS",
    finds="""Association (class 15), SAP assignment (17), image transfer (18) and security setup (64) are not changed over
    the air. A successful result for one of them is a fault of the meter.""",
    matters="Somebody may have changed who is let in, or what the meter runs.",
    example="message 10 (ECS52 response): success on a fixed object",
    cause="gbcs protection",
    source="GBCS v0.8.1 7.3.8 (page 81), 11 (page 129)",
    covers=("spec:R017", "spec:R019", "disapplied:83", "disapplied:59", "disapplied:60"),
    requires="a DLMS response with results",
    advice="These objects are fixed at manufacture or not reachable: report a success",
    broken_by="planted: a meter carries out a command on its security setup",
    judge=EachMessage(
        RESPONSES.where(having(items.where(c.class_id.known))),
        having(items.where(c.class_id.isin(*CLOSED), c.result == "success")),
        says="success on a fixed object", good="of ordinary objects",
    ),
)  # fmt: skip

declared(
    id="dlms-to-non-dlms-device",
    title="A DLMS message for a device without DLMS",
    finds="""Only the electricity meter, and a hub that has a DLMS server, speak DLMS COSEM; gas meters, displays and load
    controllers speak ZigBee inside GBCS.""",
    matters="The command went to the wrong device: what was meant is not done.",
    example="message 9 (ECS52 command): DLMS to a GSME",
    cause="message format",
    source="GBCS v0.8.1 7.3 introduction (page 79)",
    covers=("rules:G19", "spec:R021", "disapplied:62"), needs=("devices",),
    requires="a DLMS command to a device whose role is known",
    advice="Look at the sender's addressing",
    broken_by="planted: a DLMS command for the gas meter",
    judge=EachMessage(
        messages.where(c.payload_kind.search(f"^{CLIENT}"), c.recipient_role.isin(*DEVICES)),
        c.recipient_role.isin("GSME", "PPMID", "IHD", "CAD"),
        says="DLMS to a {recipient_role}", good="to a device with DLMS",
    ),
)  # fmt: skip

ASKS, OF_DEVICE = c.payload_kind == CLIENT, c.originator_role.isin(*DEVICES)

declared(
    id="dlms-roles-reversed",
    title="A device asks, or a remote party answers, in DLMS",
    finds="""The access control broker is always the DLMS client and the device the server: a device never sends an access
    request.""",
    matters="The originator is not what it says, or somebody speaks in its name.",
    example="message 9 (ECS52 command): dlms-access-request by ESME",
    cause="gbcs protection",
    source="GBCS v0.8.1 4.2, 4.3 (page 27)",
    covers=("spec:R006",), needs=("devices",),
    requires="DLMS messages between parties whose roles are known",
    advice="The originator is not what it says: check certificates",
    broken_by="planted: a meter gives a command",
    judge=EachMessage(
        messages.where(c.payload_kind.isin(CLIENT, SERVER), c.originator_role.known),
        (ASKS & OF_DEVICE) | (~ASKS & ~OF_DEVICE), says="{payload_kind} by {originator_role}", good="in role",
    ),
)  # fmt: skip
