"""What key establishment carries: sizes, certificates, freshness of the ephemeral data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import judge, mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import commands, field_of
from analysis.rules.compliance.key_establishment import CONFIRM, EPHEMERAL, INITIATE, RUN_RULE, of_step
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "cbke data")

IDENTITY, POINT = INITIATE[0].field("identity"), EPHEMERAL[0].field("ephemeral_data")
CODE = CONFIRM[0].field("secure_message_authentication_code")
# Octets of suite 1 and suite 2, by the field's name in the cluster's table (ZSE C.3.1.2.3).
SIZES = {IDENTITY: (48, 74), POINT: (22, 37)}
# Where a certificate names its subject, in hex digits, by the certificate's length in hex digits.
SUBJECTS = {96: slice(44, 60), 148: slice(56, 72)}


@rule(
    "cbke-field-sizes",
    "Key establishment with fields of the wrong size",
    severity="error",
    source="ZSE annex C (stack header)",
    confidence="secondary",
    merges=("rules:Z07", "spec:R091"),
    advice="Suite 2 has certificates of 74 and points of 37 octets, suite 1 of 48 and 22",
    **RUN_RULE,
)
def cbke_field_sizes(view: View) -> Iterator[Evidence]:
    """Certificate and ephemeral point have one size per suite: 74 and 37 octets in suite 2, 48 and 22 in
    suite 1. Another size means another suite than was agreed, or a message that was cut or made up."""
    rows = commands(view, *INITIATE, *EPHEMERAL)
    if rows.empty:
        return
    fields = view.tables["commands"].of_frames(rows["frame"])
    fields = fields[mask(fields["value"].notna())]
    shown = fields[mask(fields["field"].isin(list(SIZES)))]
    sizes = _hex(shown["value"]).str.len() // 2
    wrong = [n not in SIZES[f] for f, n in zip(shown["field"].astype(str), sizes, strict=True)]
    yield from judge(view, shown, wrong, "{bad} with a field of no suite's size", "source", "of known sizes")


def _hex(values: Frame) -> Frame:
    """Octets as bare lower case hex digits."""
    return values.astype(str).str.replace(r"^0x|[: -]", "", regex=True).str.lower()


@rule(
    "cbke-certificate-subject",
    "A certificate of another device",
    severity="error",
    source="ZSE CBKE certificate format (stack header)",
    confidence="secondary",
    merges=("spec:R093",),
    advice="The subject of the certificate must be the sender: a cloned or wrong certificate",
    **RUN_RULE,
)
def cbke_certificate_subject(view: View) -> Iterator[Evidence]:
    """A certificate names its subject's EUI-64 (suite 1 at octets 22 to 29, suite 2 at 28 to 35), which is the
    sender's address."""
    rows = commands(view, *INITIATE)
    value = _hex(field_of(view, rows, IDENTITY, text=True))
    known = mask(value.str.len().isin(list(SUBJECTS))) & mask(rows["source"] >= 1 << 32)
    rows, value = rows[known], value[known]
    subject = [text[SUBJECTS[len(text)]] for text in value]
    bad = [s != f"{int(eui):016x}" for s, eui in zip(subject, rows["source"], strict=True)]
    yield from judge(
        view, rows, bad, "{bad} with another subject than the sender", "source", "with their own"
    )


@rule(
    "cbke-confirm-equal",
    "Both sides confirm with the same value",
    severity="warning",
    source="ZSE 1.2a annex C",
    confidence="recalled",
    merges=("rules:Z08",),
    advice="Somebody sends back what he heard: the run must fail",
    **RUN_RULE,
)
def cbke_confirm_equal(view: View) -> Iterator[Evidence]:
    """Both sides prove by a confirmation value that they computed the same key. The two values differ by
    construction: equal ones mean that one side only echoes what it heard."""
    rows = commands(view, *CONFIRM)
    value = field_of(view, rows, CODE, text=True)
    rows = rows.assign(value=value)
    rows = rows[mask(rows["value"].notna())]
    sides = rows.groupby("value")["direction"].transform("nunique") if len(rows) else rows["frame"]
    yield from judge(
        view,
        rows,
        mask(sides > 1),
        "{bad} with the other side's value",
        "source",
        "with a value of their own",
    )


@rule(
    "cbke-ephemeral-reused",
    "Ephemeral data was used twice",
    severity="error",
    source="CPA security characteristics; ZSE annex C",
    confidence="secondary",
    merges=("rules:C03", "attacks:A27"),
    advice="The random generator or the software of the sender is at fault",
    **RUN_RULE,
)
def cbke_ephemeral_reused(view: View, *, seconds: float = 30.0) -> Iterator[Evidence]:
    """Ephemeral keys are made anew for each run. The same octets in a later run break the freshness of the
    link key."""
    rows = commands(view, *EPHEMERAL)
    rows = rows.assign(value=field_of(view, rows, POINT, text=True))
    rows = rows[mask(rows["value"].notna())]
    first = rows.groupby(["source", "value"])["seconds"].transform("min") if len(rows) else rows["seconds"]
    again = mask(rows["seconds"] > first + seconds)
    yield from judge(
        view, rows, again, "{bad} with ephemeral data of an earlier run", "source", "with fresh data"
    )


@rule(
    "cbke-two-ephemerals",
    "Two different ephemeral keys in one run",
    severity="critical",
    source="general: man in the middle of key establishment",
    confidence="secondary",
    merges=("attacks:A27",),
    advice=(
        "Two parties answer under one name: compare signal strengths, and see whether the confirmation failed"
    ),
    **RUN_RULE,
)
def cbke_two_ephemerals(view: View, *, seconds: float = 10.0) -> Iterator[Evidence]:
    """One run has one ephemeral key per side. Two different ones from one name within one run mean a man in
    the middle, or two devices under one address."""
    rows = commands(view, *INITIATE, *EPHEMERAL)
    rows = rows.assign(value=field_of(view, rows, POINT, text=True))
    for (source, destination, _), part in rows.groupby(
        ["source", "destination", "direction"], sort=False, observed=True
    ):
        data = part[of_step(part, EPHEMERAL) & mask(part["value"].notna())]
        if data.empty:
            continue
        near = mask(data["seconds"].diff() < seconds) & mask(data["value"] != data["value"].shift())
        starts = part.loc[of_step(part, INITIATE), "seconds"].to_numpy(dtype=float)
        run = np.searchsorted(starts, data["seconds"].to_numpy(dtype=float), side="right")
        same_run = np.r_[False, run[1:] == run[:-1]]
        subject = Subject.pair(source, destination)
        if (near & same_run).any():
            yield broken(subject, "two ephemeral keys within one run", data["frame"])
        else:
            yield kept(subject, f"{plural(len(data), 'ephemeral key')}, one a run")
