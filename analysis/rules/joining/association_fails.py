from collections.abc import Iterator

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.judging import mask, plural
from analysis.features.membership import members, secured_frames
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

ANSWER = MAC_COMMANDS["Association Response"]
STATUS = MAC_COMMANDS.field("Association Response", "status")
FAST_ASSOCIATION = 0x80  # from here on a status is no refusal (IEEE 802.15.4-2015 table 7-53)

ASKED = packets.where(
    c.mac_command == "Association Request", c.mac_src.known, c.mac_src_mode == "extended"
)[c.frame, c.seconds, c.mac_src, c.mac_seq]  # fmt: skip
ANSWERS = packets.where(c.mac_command == ANSWER)[c.frame, c.seconds, c.mac_dst]


@rule(
    "association-fails",
    "A device asks to associate and does not come in",
    finds="""Association requests of a device that then never sends a secured frame: refused, never answered, or
    associated and left without a key. One request of an unknown device only informs; many unknown ones are a flood,
    and another rule's finding.""",
    matters="""A joiner asks a parent to associate, is given a short address, and is then sent the network key. This one
    got stuck on the way, and the evidence says where.""",
    example="Device 00158d0001a2b3c4: 4 requests, associated, and no secured frame from it",
    source="IEEE 802.15.4-2011 5.3.1, 5.3.2; ZigBee PRO 05-3474 3.6.1.4",
    advice=(
        "Refused: capacity, or joining is closed (CCS01). Unanswered: too far, or the wrong hub. Answered but without a "
        "key: not in the hub's device log, or a wrong install code"
    ),
    family="anomaly", area="joining", severity="warning", confidence="recalled", cause="silence",
    requires="MAC association requests, and two minutes after them",
    reads=[ASKED, ANSWERS],
    broken_by="planted: a device is refused by the hub", kept_by="install-day --seconds 1500",
)  # fmt: skip
def association_fails(
    view: View, asked: Frame, answers: Frame, *, seconds: float = 120.0, strangers: int = 10
) -> Iterator[Evidence]:
    """Each device that asks, and whether it came in."""
    if asked.empty:
        return
    known = {*members(view), *view.roles}
    lost = sum(int(eui) not in known for eui in asked["mac_src"].unique())
    for eui, part in asked.groupby("mac_src", sort=False):
        first = float(part["seconds"].iloc[0])
        subject = Subject.device(eui)
        if view.duration - first < seconds:
            continue
        if _came_in(view, int(eui), first):
            yield kept(subject, f"{plural(len(part), 'request')}, and came in")
        elif int(eui) in known or lost < strangers:
            own = answers[mask(answers["mac_dst"] == eui) & mask(answers["seconds"] > first)]
            grave = len(own) > 0 or len(part) > 1 or int(eui) in known
            text = f"{plural(len(part.drop_duplicates('mac_seq')), 'request')}, {_stuck(view, own)}"
            silent = (int(eui), float(part["seconds"].iloc[-1]))
            yield broken(subject, text, part["frame"], None if grave else "info", silent)


def _came_in(view: View, eui: int, since: float) -> bool:
    return bool(mask(secured_frames(view).only(nwk_sender=eui)["seconds"] > since).any())


def _stuck(view: View, answers: Frame) -> str:
    """How far a joiner came that was given these answers."""
    if answers.empty:
        return "no answer"
    told = view.command_rows("mac", [ANSWER])
    told = told[mask(told["frame"].isin(answers["frame"])) & mask(told["field"] == STATUS)]
    refused = told[mask(told["number"] > 0) & mask(told["number"] < FAST_ASSOCIATION)]
    if len(refused) and len(refused) == len(told):
        row = refused.iloc[0]
        return f"refused: {row['meaning'] or row['value']}"
    return "associated, and no secured frame from it"
