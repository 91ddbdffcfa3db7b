"""ZCL requests and reports that were refused: by a default response, or attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.features import identifiers
from analysis.features.identifiers import CLUSTERS, GENERAL_COMMANDS, STATUS
from analysis.features.judging import groups_in, mask, plural
from analysis.features.names import cluster_name, command_name, missing
from analysis.features.quantities import kind_of
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.refusals.codes import code_of, rows_of
from analysis.rules.registry import rule
from analysis.tables.lazy import numbers_of
from dissectors.zcl import label_of

DEFAULT_RESPONSE = GENERAL_COMMANDS["Default Response"]
ANSWERS = {
    GENERAL_COMMANDS[f"{name} Response"]: name
    for name in ("Read Attributes", "Write Attributes", "Configure Reporting")
}
"""Answers with a status for each attribute, and what they answer."""
SUCCESS, NOT_FOUND, UNSUPPORTED = STATUS.some("SUCCESS", "NOT_FOUND", "UNSUPPORTED_ATTRIBUTE")
SHOWN = ("total", "given", "register", "demand")
"""Kinds of quantities that displays show all the time."""
SOON = 2.0  # seconds within which what was refused was sent


class Lack(NamedTuple):
    """What a device lacks that is refused on a cluster: `attributes` without which it shows nothing, and `commands` to
    which NOT_FOUND is a fault."""

    consequence: str
    attributes: frozenset[int]
    commands: frozenset[str]


@cache
def lacks() -> dict[int, Lack]:
    """`consequences.csv` by cluster."""
    out = {}
    for row in rows_of("consequences"):
        cluster = CLUSTERS[row["cluster"]]
        attributes = [identifiers.attribute(cluster, one) for one in row["attributes"].split("; ") if one]
        commands = [identifiers.to_server(cluster, one).name for one in row["commands"].split("; ") if one]
        out[cluster] = Lack(row["consequence"], frozenset(attributes), frozenset(commands))
    return out


@rule(
    "reports-refused",
    "What a device sends is refused",
    finds="""Default responses with an error, and answers in which no attribute is given, again and again to one device
    on one cluster: its reports or requests get nowhere; registers and demand that were given before, and are refused
    since. That a thing is not stored or not known (no message, no tariff change, an attribute that a device need not
    have) only informs.""",
    matters="A display goes without price, reading or credit; a gas meter's readings reach nobody.",
    example="""Prepayment display (90b3d5fffe0000a4): Electricity meter (90b3d5fffe0000a0) refused it 20 times with
    NOT_FOUND (0x8b): Get Current Price (Price); it gets no price; to do: see whether it was ever sent to that device""",
    source="GBCS v0.8 10.2.2.2 (mirror); ZCL 07-5123 2.4.12 (default response), 2.4.2 (attribute status)",
    advice=(
        "The status says why. NOT_FOUND to a request: the other side has nothing to give (yet). Reports of a gas meter: "
        "the gas proxy may have lost its mirror. UNSUP: the other side does not know the command or attribute"
    ),
    family="compliance", area="refusals", severity="warning", confidence="secondary", cause="silence",
    covers=("spec:R045", "rules:A06"), needs=("packets",), smart_energy=True,
    requires="default responses to reports and requests, or answers to reads of attributes",
    broken_by="ordinary-day --fault lost-mirror --seconds 2400", kept_by="prepayment --seconds 2400",
)  # fmt: skip
def reports_refused(view: View, *, times: int = 2, reads: int = 5) -> Iterator[Evidence]:
    """Who refused what, and with which status."""
    yield from _default_responses(view, times)
    yield from _attributes(view, reads)


def _default_responses(view: View, times: int) -> Iterator[Evidence]:
    packets = view.good
    rows = packets.only(zcl_type="general", zcl_command=DEFAULT_RESPONSE)
    rows = rows[mask(rows["zcl_status"].notna())]
    sent: dict[Any, Any] = {}
    for (target, cluster), part in rows.groupby(["target", "aps_cluster"], sort=False):
        failed = part[~mask(part["zcl_status"] == SUCCESS)]
        subject, name = Subject.device(target), cluster_name(int(cluster))
        if failed.empty:
            yield kept(subject, f"{plural(len(part), 'answer')} on cluster {name} are good")
            continue
        sent = sent or dict(packets.groupby(["origin", "aps_cluster"], sort=False).places())
        asked = _refused(packets.iloc[sent.get((target, cluster), [])], failed)
        wants = _wants(int(cluster), asked)
        grave = (
            len(failed) >= times
            and len(failed) > 0.5 * len(part)
            and not _harmless(failed, int(cluster), wants)
        )
        codes = sorted(failed["zcl_status"].unique().tolist())
        refusers = failed["origin"].unique().tolist()
        text = _sentence(view, int(cluster), refusers, codes, len(failed), wants or ["what it sent"])
        frames = np.concatenate([numbers_of(rows["frame"])[0] for rows in (asked, failed)])
        yield broken(subject, text, frames, "warning" if grave else "info")


def _refused(sent: Frame, failed: Frame) -> Frame:
    """What was sent in the two seconds before each refusal; of that, what has its transaction number."""
    answered = failed["seconds"].to_numpy(dtype=float)
    asked = sent["seconds"].to_numpy(dtype=float)
    at = np.searchsorted(answered, asked)
    near = np.flatnonzero(np.append(answered, np.inf)[at] - asked < SOON)
    rows = sent.iloc[near]
    numbers, known = numbers_of(rows["zcl_seq"])
    wanted, told = numbers_of(failed["zcl_seq"])
    same = known & told[at[near]] & (numbers == wanted[at[near]])
    return rows[same] if same.any() else rows


def _wants(cluster: int, asked: Frame) -> list[str]:
    """The names of what was asked for."""
    columns = ("zcl_type", "zcl_direction", "zcl_command")
    known = asked[mask(asked["zcl_command"].notna())]
    firsts = known.iloc[[own[0] for own in groups_in(known, *columns)]]
    kinds = zip(*(firsts[name].tolist() for name in columns), strict=True)
    return sorted(
        {command_name(cluster, kind == "general", str(way), int(number)) for kind, way, number in kinds}
    )


def _harmless(failed: Frame, cluster: int, wants: list[str]) -> bool:
    """Whether it only says that nothing is stored, scheduled or pending."""
    if not mask(failed["zcl_status"] == NOT_FOUND).all() or not wants:
        return False
    lack = lacks().get(cluster)
    known = set(ANSWERS.values()) | {"Report Attributes"}
    return not set(wants) & known and not (lack is not None and lack.commands & set(wants))


def _sentence(
    view: View, cluster: int, refusers: list[Any], codes: list[int], count: int, wants: list[str]
) -> str:
    """Who refused which requests how often, the status in words, what follows, what to do."""
    others = " and ".join(view.label(one) for one in refusers[:2])
    status = ", ".join(f"{label_of('Status', one) or 'status'} (0x{one:02x})" for one in codes[:3])
    text = f"{others} refused it {plural(count, 'time')} with {status}: {' and '.join(wants)}"
    text += f" ({cluster_name(cluster)})"
    if "Report Attributes" in wants:
        text += "; its reports get nowhere"
    else:
        text += consequence_of(view, cluster, *(one for one in refusers if not missing(one)))
    todo = [known.do for one in codes if (known := code_of("zcl", one)) is not None]
    return f"{text}; to do: {'; '.join(dict.fromkeys(todo[:2]))}" if todo else text


def consequence_of(view: View, cluster: Any, *servers: Any) -> str:
    """What a device lacks that these do not serve on a cluster, to put behind a sentence. A hub has no register of its
    own: what it gives of metering and prepayment is the gas meter's."""
    lack = None if missing(cluster) else lacks().get(int(cluster))
    if lack is None:
        return ""
    of_meters = int(cluster) in CLUSTERS.some("Metering", "Prepayment")
    gas = " of the gas meter" if of_meters and set(map(int, servers)) <= view.hub_addresses() else ""
    return f"; {lack.consequence}{gas}"


def _attributes(view: View, times: int) -> Iterator[Evidence]:
    """Answers in which no attribute is given, for each pair and cluster."""
    rows = view.attributes.only(command=list(ANSWERS))
    rows = rows[mask(rows["status"].notna())]
    if not len(rows):
        return
    answers = Answers(rows)
    for (refuser, asker, cluster), own in answers.groups():
        subject = Subject.device(asker)
        shut, partly = answers.shut[own], answers.partly[own]
        if not partly.any():
            name = cluster_name(int(cluster))
            yield kept(subject, f"{plural(len(own), 'answer')} on cluster {name} are good")
            continue
        meant = own[shut] if shut.any() else own[partly]
        many = int(shut.sum())
        at = answers.refused(meant)
        wants = [_attributes_asked(answers, at)]
        text = _sentence(view, int(cluster), [refuser], answers.codes(meant), len(meant), wants)
        grave = many >= times and 2 * many > len(own) and _needed(answers, at, int(cluster))
        lost = [(one, last) for one, last in answers.given_before(own, times) if _shown(int(cluster), one)]
        if lost:
            text += f"; it gave {' and '.join(answers.called(one) for one, _ in lost[:2])} until frame {lost[0][1]}"
        yield broken(subject, text, answers.frames[meant], "warning" if grave or lost else "info")


def _shown(cluster: int, attribute: int) -> bool:
    """Whether a display shows it all the time: a register or the demand."""
    place = kind_of(cluster, attribute)
    return place is not None and place.kind in SHOWN


class Answers:
    """Answers with a status for each attribute: an answer is a frame.

    Attributes:
        frames: of each answer. shut, partly: whether all, or any, of its attributes are refused.
        statuses, attributes, commands, names: of each row, and what the numbers of `names` stand for.
    """

    def __init__(self, rows: Frame) -> None:
        self._rows = rows
        of, self.frames = pd.factorize(numbers_of(rows["frame"])[0])
        self._of = of
        self.statuses, self.attributes, self.commands = (
            numbers_of(rows[name])[0] for name in ("status", "attribute", "command")
        )
        self.names, self.words = rows.codes("attribute_name")
        bad = np.flatnonzero(self.statuses != SUCCESS)
        self._bad = bad[np.argsort(of[bad], kind="stable")]  # by answer, each in its order
        hits = np.bincount(of[bad], minlength=len(self.frames))
        self._ends = np.cumsum(hits)
        self._begins = self._ends - hits
        self.partly, self.shut = hits > 0, hits == np.bincount(of)
        self._firsts = np.unique(of, return_index=True)[1]

    def groups(self) -> Iterator[tuple[tuple[Any, Any, Any], Any]]:
        """The answers of each pair of devices and cluster, in the order of the first of them."""
        firsts = self._rows.iloc[self._firsts]
        yield from firsts.groupby(["source", "destination", "cluster"], sort=False).places()

    def given_before(self, answers: Any, times: int) -> Iterator[tuple[int, int]]:
        """Attributes that these answers gave as many times, and then refused as many times to the end; with the last
        frame that gave it."""
        rows = np.flatnonzero(np.isin(self._of, answers))
        for attribute in np.unique(self.attributes[rows[self.statuses[rows] != SUCCESS]]).tolist():
            mine = rows[self.attributes[rows] == attribute]
            given = np.flatnonzero(self.statuses[mine] == SUCCESS)
            if len(given) >= times and len(mine) - 1 - given[-1] >= times:
                yield int(attribute), int(self.frames[self._of[mine[given[-1]]]])

    def called(self, attribute: int) -> str:
        """The name of an attribute."""
        names = self.names[self.attributes == attribute]
        return str(self.words[names[0]]) if len(names) and names[0] >= 0 else f"attribute 0x{attribute:04x}"

    def refused(self, answers: Any) -> Any:
        """The rows of these answers that are refused, in their order."""
        begins, ends = self._begins[answers], self._ends[answers]
        return self._bad[np.concatenate([np.arange(a, b) for a, b in zip(begins, ends, strict=True)])]

    def codes(self, answers: Any) -> list[int]:
        """The statuses with which these answers begin to refuse, in order."""
        found: list[int] = np.unique(self.statuses[self._bad[self._begins[answers]]]).tolist()
        return found


def _needed(answers: Answers, at: Any, cluster: int) -> bool:
    """Whether what is refused is more than an attribute that a device need not have."""
    lack = lacks().get(cluster)
    must = () if lack is None else lack.attributes
    return bool(
        np.isin(answers.attributes[at], list(must)).any() or (answers.statuses[at] != UNSUPPORTED).any()
    )


def _attributes_asked(answers: Answers, at: Any) -> str:
    codes = pd.unique(answers.names[at])
    names = [str(answers.words[code]) for code in codes if code >= 0]
    asked = dict.fromkeys(ANSWERS[int(one)] for one in pd.unique(answers.commands[at]))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{' and '.join(asked)} {', '.join(names[:2])}{more}".strip()
