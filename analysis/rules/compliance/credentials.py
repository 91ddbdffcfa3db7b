"""Credentials and join commands: what an update must and must not carry, by its mode (CS02b, CS02a, CS03)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.rules.compliance.gbcs_messages import COMMANDS, OF_SUBJECT, RESPONSES, judge_messages
from analysis.rules.declare import EachMessage, Evidence, Frame, Item, View, c, declare, having
from analysis.rules.expression import Condition
from analysis.rules.registry import rules_of
from analysis.rules.rows import Rows

AREA = "credentials"
rule = rules_of("compliance", AREA)
declared = partial(
    declare, family="compliance", area=AREA, cause="gbcs protection", confidence="text", kept_by="proving-exercise",
    source="GBCS v0.8.1 13.3 (page 179)",
)  # fmt: skip
UPDATED = "commands that update security credentials (CS02b), with a readable payload"
UPDATE = r"update_security_credentials\."
CELL, OWNER = r"replacements\.replacement\.target_cell\.role", r"certificate\.unique_identifier"
BROKER_BY_BROKER, BY_CONTINGENCY, SUPPLIER = "4", "9", "2"


def _part(name: str) -> Rows:
    """Values of a part of updates, called by a regular expression."""
    return Item("CS02b", "command", UPDATE + name)


MODE = _part(r"control\.mode")
UPDATES = COMMANDS.where(having(MODE.where(c.value.fullmatch(r"\d+"))))
FLOORS, CHANGES = _part(r"control\.new_sequence_number_floor"), _part(r"control\.sequence_changes.*")
TRUSTED = Item("CS02a", "response", r"credentials_held\.party\.status")


def _only_one_of(one: Condition, other: Condition) -> Condition:
    return (one & ~other) | (other & ~one)


declared(
    id="contingency-key",
    title="A symmetric key where none belongs, or none where one does",
    finds="""An update by the contingency key unlocks that key with a symmetric key in the command. Every other mode
    carries none.""",
    matters="The device cannot carry the update out, or got a secret that is not for it.",
    example="message 20 (CS02b command): the symmetric key does not fit the mode",
    severity="error", covers=("spec:R111",), requires=UPDATED,
    advice="Look at the mode of the update: only the contingency mode brings its key along",
    broken_by="planted: an update by contingency without its key",
    judge=EachMessage(
        UPDATES,
        _only_one_of(having(_part(r"control\.symmetric_key")), having(MODE.where(c.value == BY_CONTINGENCY))),
        says="the symmetric key does not fit the mode",
    ),
)  # fmt: skip

declared(
    id="path-validation-switch",
    title="The switch for time checks holds another value than disapply",
    finds="""Certificates are checked against the time unless the command says otherwise. The switch that says so has one
    useful value (disapply, 1); with any other it should not be there.""",
    matters="Two devices may read such a command in two ways.",
    example="message 20 (CS02b command): time-based checks are switched, but not off",
    severity="warning", covers=("spec:R112",), requires=UPDATED,
    advice="Look at the command: the switch is left out unless time is to be ignored",
    broken_by="planted: an update switches checks of time, but not off",
    judge=EachMessage(
        UPDATES, having(_part(r"control\.time_based_checks").where(c.value != "1")),
        says="time-based checks are switched, but not off",
    ),
)  # fmt: skip

# The text wants it on a hub always; the reference set has a hub whose broker leaves it out.
BY_ITSELF = having(MODE.where(c.value == BROKER_BY_BROKER))
NAMED = having(_part(r"control\.authorising_cell.*"))

declared(
    id="authorising-cell",
    title="An update that does not name who authorises it",
    finds="""The command names the trust anchor cell of the party that authorises it. It is left out exactly when the
    Access Control Broker replaces its own credentials; on a hub the broker may name itself.""",
    matters="The device does not know whose signature to check, and refuses the update.",
    example="message 20 (CS02b command): the authorising cell does not fit the mode",
    severity="error", covers=("spec:R113",), requires=UPDATED,
    advice="Look at the mode: only the broker that replaces itself on a device may leave it out",
    broken_by="planted: an update does not name who authorises it",
    judge=EachMessage(
        UPDATES, (~BY_ITSELF & ~NAMED) | (BY_ITSELF & NAMED & ~(c.recipient_role == "CHF")),
        says="the authorising cell does not fit the mode",
    ),
)  # fmt: skip

declared(
    id="credential-floors",
    title="New credentials without a floor for their counter",
    finds="""At a change of control the new party's counters start from a floor that the update names; where one role
    replaces another's credentials, each role changed has its own. Judged: updates whose certificate belongs to another
    party than the sender.""",
    matters="The device may refuse all that the new party says, or carry out what the old one said once more.",
    example="message 20 (CS02b command): neither a new floor nor a sequence change",
    severity="warning", covers=("spec:R114",),
    requires="updates that put another party's certificate for digital signatures in place",
    advice="The new party must use counters above the old party's: see whether its commands are refused",
    broken_by="planted: another supplier's credentials come without a floor", kept_by="talk: messages",
    judge=EachMessage(
        COMMANDS.where(having(_part(rf"replacements\.replacement\.{OWNER}").where(c.value != c.originator))),
        ~having(FLOORS) & ~having(CHANGES), says="neither a new floor nor a sequence change",
    ),
)  # fmt: skip

declared(
    id="top-up-floor",
    title="A floor for top-up counters outside a change of supplier",
    finds="""A separate floor for the counters of top-ups comes only with a new supplier whose tokens count on their own.
    In an update that touches no supplier's cell it has no place.""",
    matters="Tokens below the floor will be refused, and somebody cannot buy energy.",
    example="message 20 (CS02b command): a floor for top-ups, but no cell of a supplier",
    severity="warning", covers=("spec:R115",), requires=UPDATED,
    advice="Tokens below the floor will be refused: ask who meant that",
    broken_by="planted: a floor for top-ups comes with a network operator's credentials",
    judge=EachMessage(
        UPDATES,
        having(_part(r"control\.(?:.*\.)?usage_floors\..*")) & having(_part(CELL))
        & ~having(_part(CELL).where(c.value == SUPPLIER)),
        says="a floor for top-ups, but no cell of a supplier",
    ),
)  # fmt: skip

declared(
    id="trust-anchors-populated",
    title="A device lacks the credentials of a party",
    finds="""Every trust anchor cell of a device is filled and can be replaced in service. The answer to CS02a gives a
    status per party; anything but success means an empty or broken cell.""",
    matters="That party cannot command the device.",
    example="message 21 (CS02a response): a party whose credentials are not there",
    source="GBCS v0.8.1 13.1.2 (page 148)",
    severity="warning", covers=("spec:R120",), requires="answers to CS02a (provide security credentials)",
    advice="That party cannot command the device: its credentials have to be put in place",
    broken_by="talk: messages", kept_by="talk: credentials that are all there",
    judge=EachMessage(
        RESPONSES.where(having(TRUSTED)), having(TRUSTED.where(c.value != "0")),
        says="a party whose credentials are not there",
    ),
)  # fmt: skip


@rule(
    "device-certificate-identity",
    "A device certificate of another device",
    severity="error",
    source="GBCS v0.8.1 12 (page 145)",
    confidence="text",
    merges=("spec:R107",),
    reads=[
        COMMANDS[*OF_SUBJECT, c.recipient],
        Item("CS02d|CS03.*", "command", r"(?:join_device\.)?certificate\.hardware_serial_number")[
            c.message, c.value
        ],
        Item("CS03.*", "command", r"join_device\.entity")[c.message, c.value],
    ],
    cause="gbcs protection",
    unseen="commands that carry a device's certificate (CS02d, CS03)",
    advice="The device must refuse it: see whose certificate it is",
)
def device_certificate_identity(
    view: View, commands: Frame, serials: Frame, joining: Frame
) -> Iterator[Evidence]:
    """A device certificate names its device in the alternative name, by the serial number of its hardware: the
    Entity Identifier. In an update it is the recipient's, in a join that of the device to be joined."""
    serial, joined = (
        rows.drop_duplicates("message").set_index("message")["value"] for rows in (serials, joining)
    )
    rows = commands[commands["message"].isin(serial.index)]
    owner = rows["message"].map(joined).astype(object)
    owner = owner.where(owner.notna(), rows["recipient"].astype(str).str.lower())
    wrong = rows["message"].map(serial).astype(str) != owner.astype(str)
    yield from judge_messages(view, rows, wrong, "the certificate belongs to another device")
