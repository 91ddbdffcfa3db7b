"""Replay: frames and nonces that come twice."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.judging import count, judge, mask
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.rules.anomalies.secured_frames import LAYERS, SECURED, secured_frames
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "replay")


def _replayed(view: View, layer: str, limit: float) -> Iterator[Evidence]:
    rows = secured_frames(view, layer)
    rows = rows[mask(rows["who"].notna())]
    if rows.groupby("who").size().max() < 2 if len(rows) else True:
        return
    again = mask(rows["same"]) & (rows["age"].to_numpy(dtype=float) > limit)

    def says(bad: Frame, _: Frame) -> str:
        first = bad.iloc[0]
        return (
            f"{count(bad)} repeat an earlier {layer} frame octet for octet, "
            f"counter {int(first['counter']):,} after {first['age']:,.1f} s"
        )

    yield from judge(view, rows, again, says, station="who", good="with counters used once")


@rule(
    "nwk-replay",
    "Recorded frames were sent again",
    severity="error",
    source="ZigBee PRO 05-3474 4.3.1; KillerBee zbreplay; Wright (2009)",
    confidence="secondary",
    merges=("rules:Z11", "attacks:A01"),
    cause="replay",
    unseen=SECURED,
    advice="See whether the receiver acted on the second copy; it must refuse a counter that it has seen",
)
def nwk_replay(view: View, *, seconds: float = 2.0) -> Iterator[Evidence]:
    """Every secured frame of a sender has a frame counter of its own. The same counter with the same
    ciphertext seconds later is no retry (those follow within a quarter of a second) but a recording that is
    transmitted again."""
    yield from _replayed(view, "NWK", seconds)


@rule(
    "aps-replay",
    "Recorded APS messages were sent again",
    severity="error",
    source="ZigBee PRO 05-3474 4.4.1",
    confidence="recalled",
    merges=("rules:Z12", "attacks:A01"),
    cause="replay",
    unseen="APS frames under a link key, at least two from one sender",
    advice="See whether the receiver acted on the second copy",
)
def aps_replay(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """An APS frame under a link key that comes again much later with the same counter and ciphertext. APS
    retries do repeat a frame as it was, but within seconds."""
    yield from _replayed(view, "APS", seconds)


@rule(
    "nonce-reuse",
    "Two different messages under one nonce",
    severity="critical",
    source="IEEE 802.15.4 CCM*; ZigBee PRO 05-3474 annex A; Wright (2009)",
    confidence="secondary",
    merges=("attacks:A19", "rules:Z11"),
    cause="counter reset",
    unseen=SECURED,
    advice="Renew the network key and mend the counter storage of that device: both texts can be recovered",
)
def nonce_reuse(view: View) -> Iterator[Evidence]:
    """CCM* is only safe while no (sender, key, frame counter) is used for two messages. A device that
    forgets its counter after a restart does that, and an observer can then take both messages apart without
    the key."""
    for layer in LAYERS:
        rows = secured_frames(view, layer)
        trusted = rows[mask(rows["fcs_ok"] == True) | mask(rows["nwk_security"] == "ok")]  # noqa: E712
        trusted = trusted[mask(trusted["digest"].notna())]
        if layer == "APS":
            trusted = trusted[mask(trusted["aps_security"].isin(["ok", "replay"]))]
        twice = ~mask(trusted["same"])
        text = f"{{bad}} use a {layer} counter again for another ciphertext"
        yield from judge(view, trusted, twice, text, station="who", good=f"under {layer} counters used once")
