"""What an observer without keys can tell from length, direction and timing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count
from analysis.view import View


@rule(
    "traffic-inference",
    "An outsider can tell what devices do",
    severity="info",
    source="ZLeaks (Shafqat 2022)",
    confidence="secondary",
    merges=("attacks:A40",),
    cause="privacy",
    unseen="forty data frames that no held key opens, from one device",
    advice="Lengths and rhythm tell without a key: this is how much",
)
def traffic_inference(view: View, *, least: int = 40, regular: float = 0.2) -> Iterator[Evidence]:
    """Frames of one length at a steady rhythm are reports or polls, and their length tells the kind. This
    says for which devices an observer without keys can tell."""
    packets = view.good
    shut = packets.only(nwk_security="no_key", nwk_type="data")
    for origin, part in shut.groupby("origin", sort=False):
        if len(part) < least:
            continue
        told = []
        for length, same in part.groupby("length", sort=False):
            gaps = np.diff(same["seconds"].to_numpy(dtype=float))
            gaps = gaps[gaps > 0.5]
            if len(gaps) < 10:
                continue
            usual = float(np.median(gaps))
            if float(np.median(np.abs(gaps - usual))) < regular * usual and usual > 2:
                told.append(f"{int(length)} octets every {usual:,.0f} s")
        if told:
            yield broken(
                view.label(origin),
                f"{count(part)} shut, yet regular: {', '.join(told[:3])}",
                part["frame"][:50],
            )
        else:
            yield kept(view.label(origin), f"{count(part)} shut, no rhythm")
