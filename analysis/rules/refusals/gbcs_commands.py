"""GBCS commands that a device refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.features.judging import mask, plural
from analysis.features.names import said
from analysis.rules.compliance.gbcs_messages import party, station_of
from analysis.rules.declare import Evidence, Frame, View, broken, c, items, kept, messages, rule
from analysis.rules.refusals.codes import code_said, matter_of
from dissectors.gbcs import use_cases

RESPONSES = messages.where(c.cra == "response", c.outcome.isin("success", "failure"))
OUTCOMES = ("result", "status")
"""What ASN.1 calls the members that say what came of a command."""
RESULTS = items.where(c.cra == "response", c.result.known, ~(c.result == "success"))


@rule(
    "command-refused",
    "A device refused a command",
    finds="""GBCS responses of which some item or the whole is no success: which command of whom, which object, the
    result in words. Of a command that matters (tariff, credit, top-up, supply, credentials, joining, activation ...) it
    warns, unless the same command was carried out later; of others it warns when it happens again and again.""",
    matters="The party that sent the command believes that it is done, or sends it again; the home stays as it was.",
    example="""Electricity meter (90b3d5fffe0000a0): refused ECS01a Set Tariff and Price on ESME of Supplier
    (90b3d5fffef10000) 4 times: other-reason (TariffThresholdMatrix: activate_passive_value_time); tariff: the old tariff
    stays in force; to do: read event and security log""",
    source="GBCS v0.8.1 7.2.11 (DLMS results), 13.3 (ASN.1 results); response codes of analysis/rules/refusals",
    advice="Mend what the result names and send the command again; read the device's event and security log",
    family="compliance", area="refusals", severity="warning", confidence="derived", cause="refused command",
    requires="a GBCS response with its results",
    reads=[
        RESPONSES[
            c.message, c.frames, c.seconds, c.use_case, c.message_code, c.originator, c.recipient, c.outcome,
            c.payload_kind,
        ],
        RESULTS[c.message, c.object, c.result],
    ],
    broken_by="ordinary-day --fault command-refused --seconds 2400", kept_by="proving-exercise", smart_energy=True,
)  # fmt: skip
def command_refused(view: View, answers: Frame, results: Frame, *, times: int = 3) -> Iterator[Evidence]:
    """One verdict for each device, party and command."""
    for (device, asker, code), part in answers.groupby(
        ["originator", "recipient", "message_code"], sort=False, dropna=False
    ):
        failed = part[mask(part["outcome"] == "failure")]
        name = _name(int(code))
        if failed.empty:
            yield kept(party(device), f"{name} {plural(len(part), 'time')} carried out")
            continue
        matter = matter_of(int(code))
        done = mask(part["outcome"] == "success") & mask(part["seconds"] > failed["seconds"].max())
        later = "; carried out later" if done.any() else ""
        words, advice = _results(failed, results)
        text = f"refused {name} of {_who(view, asker)} {plural(len(failed), 'time')}{words}{later}"
        if matter is not None and not later:
            text += f"; {matter.matters}: {matter.consequence}"
        grave = matter is not None or (len(failed) >= times and 2 * len(failed) > len(part))
        frames = [frame for frames in failed["frames"] for frame in frames]
        severity = "warning" if grave and not later else "info"
        yield broken(party(device), text + advice, frames, severity)


def _name(code: int) -> str:
    row = use_cases().get(code)
    return f"message {code:#06x}" if row is None else f"{row.use_case} {row.title}"


def _who(view: View, identifier: Any) -> str:
    station = station_of(identifier)
    return said(identifier, "an unknown party") if station is None else view.label(station)


def _results(failed: Frame, results: Frame) -> tuple[str, str]:
    """The results in words and where they stand, and what to do."""
    mine = results[mask(results["message"].isin(failed["message"]))]
    if mask(failed["payload_kind"] == "der").any():  # whose other members have words for what they hold
        mine = mine[mask(mine["object"].astype(str).str.rpartition(".")[2].isin(OUTCOMES))]
    if mine.empty:
        return "", ""
    use_case = said(failed["use_case"].iloc[0], "")
    words, todo = [], []
    for result, part in mine.groupby("result", sort=False, observed=True):
        objects = [said(one, "an unnamed object") for one in part["object"].drop_duplicates()]
        names = [one for one in objects if one.rpartition(".")[2] not in OUTCOMES]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        words.append(f"{result} ({', '.join(names[:2])}{more})" if names else str(result))
        known = code_said(use_case, str(result))
        todo += [known.do] if known is not None else []
    advice = f"; to do: {'; '.join(dict.fromkeys(todo[:2]))}" if todo else ""
    return f": {', '.join(words[:3])}", advice
