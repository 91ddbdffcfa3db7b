"""What comes of an association response: who else answers, and how the joiner asks for its key."""

from collections.abc import Iterator
from typing import Any

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.judging import count, mask, plural
from analysis.features.repeats import repeats
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

DATA_REQUEST = MAC_COMMANDS["Data Request"]
ANSWERS = packets.where(c.mac_command == "Association Response")
SHARED: dict[str, Any] = {"family": "anomaly", "area": "joining", "cause": "join attack"}


@rule(
    "association-answer-rogue",
    "Two devices answer one association",
    finds="Association responses of two EUI-64s to one joiner at one time.",
    matters="A device asks one parent to associate, and that parent answers: somebody else plays the parent.",
    example="""Gas meter (90b3d5fffe0000a1): was answered by Communications hub (90b3d5fffe00000f), 00158d0001a2b3c4""",
    source="ZigBee PRO 05-3474 3.6.1.4",
    advice="Only the chosen parent answers: the other one is a rogue or a cloned parent",
    severity="error", confidence="recalled", covers=("rules:N24",), requires="MAC association responses",
    reads=[ANSWERS[c.frame, c.seconds, c.mac_src, c.mac_dst]], kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip
def association_answer_rogue(view: View, answers: Frame, *, seconds: float = 5.0) -> Iterator[Evidence]:
    """The answers to each joiner that lie close together."""
    for joiner, part in answers.groupby("mac_dst", sort=False):
        near = part[mask(part["seconds"].diff() < seconds) | mask(part["seconds"].diff(-1) > -seconds)]
        if near["mac_src"].nunique() > 1:
            names = ", ".join(view.label(s) for s in near["mac_src"].dropna().unique())
            yield broken(Subject.device(joiner), f"was answered by {names}", near["frame"])
        else:
            yield kept(Subject.device(joiner), f"{plural(len(part), 'association response')} of one parent")


@rule(
    "key-request-polls",
    "A new joiner polls for the key in a row",
    finds="More than ten polls within two seconds of an association response, with which a joiner asks for the key.",
    matters="They are the handwriting of a tool, or of a device whose polls stay unanswered.",
    example="Device 00158d0001a2b3c4: 20 frames of polling within 2 s",
    source="KillerBee zbkey",
    advice="Ordinary joins poll a few times; a tool polls at once and without pause",
    severity="info", confidence="secondary", covers=("attacks:A04",), requires="a MAC association",
    reads=[ANSWERS[c.seconds, c.mac_dst]], kept_by="install-day --seconds 1500", **SHARED,
)  # fmt: skip
def key_request_polls(
    view: View, answers: Frame, *, polls: int = 10, seconds: float = 2.0
) -> Iterator[Evidence]:
    """The polls behind each answer, retries left out."""
    if answers.empty:
        return
    sent = repeats(view)
    requests = sent[mask(sent["mac_command"] == DATA_REQUEST) & ~mask(sent["retry"])]
    for row in answers.itertuples():
        since = requests["seconds"] - row.seconds
        mine = requests[mask((since > 0) & (since < seconds)) & mask(requests["mac_dst"].notna())]
        if len(mine) > polls:
            text = f"{count(mine)} of polling within {seconds:.0f} s"
            yield broken(Subject.device(row.mac_dst), text, mine["frame"])
        else:
            yield kept(Subject.device(row.mac_dst), f"{plural(len(mine), 'poll')} after its association")
