"""What an observer without keys can tell from length, direction and timing."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.inference import KINDS, infer
from analysis.features.judging import count, plural
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "traffic inference")


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
def traffic_inference(view: View, *, least: int = 40, share: float = 0.1) -> Iterator[Evidence]:
    """The headers of a frame are in clear, and encryption keeps its length. From length, direction and timing an
    observer without keys tells reports, reads, polls, firmware, messages in tunnels, even a top-up. This says for
    which devices he can, and how sure he may be."""
    shut = view.good.only(nwk_security="no_key", nwk_type="data")
    if len(shut) < least:
        return
    told = infer(view)
    told = told[told["frame"].isin(shut["frame"].astype("int64"))]
    told = told[~told["kind"].isin(["acknowledgement", "poll"])]
    for origin, part in shut.groupby("origin", sort=False):
        if len(part) < least:
            continue
        mine = told[(told["origin"] == origin).fillna(False).to_numpy(dtype=bool)]
        subject = Subject.device(origin)
        if len(mine) < share * len(part):
            yield kept(subject, f"{count(part)} shut, and little to tell from them")
            continue
        kinds = mine["kind"].value_counts()
        sure = {name: KINDS[name].confidence for name in kinds.index}
        text = ", ".join(f"{plural(int(n), name)} ({sure[name]:.0%} sure)" for name, n in kinds.items())
        yield broken(subject, f"{count(part)} shut, yet they tell: {text}", mine["frame"][:50])
