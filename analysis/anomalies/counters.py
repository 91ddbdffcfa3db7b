"""Frame counters: replay, reset, nonce re-use, jumps, exhaustion (NWK and APS layers)."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, groups_of, judge, key_of, mask, spread
from analysis.view import Frame, View

SECURED = "secured frames with a frame counter from one sender, at least two of them"
LAYERS = {
    "NWK": ("nwk_sender", "pan", "nwk_key_seq", "nwk_counter", "nwk_digest"),
    "APS": ("aps_sender", "pan", "aps_key_id", "aps_frame_counter", "aps_digest"),
}
JUMP = 500  # more than a device sends between two frames that are heard
REORDER_SECONDS = 10.0  # a frame for a sleeping child is held up to 7.68 s after it was numbered


def _secured(view: View, layer: str) -> Frame:
    """Frames with a readable counter of `layer`, each ciphertext's repeats marked.

    Columns: ``counter``, ``digest``, ``who``; ``age`` seconds since the same counter was first used (NaN:
    first use); ``same`` whether with the same ciphertext as then; ``below`` how far under the highest
    counter so far; ``since`` seconds since the counter first passed this value."""
    memo = view.__dict__.setdefault("_memo", {})
    if layer in memo:
        return memo[layer]
    sender, pan, key, counter, digest = LAYERS[layer]
    packets = view.good
    valid = mask(packets[counter].notna() & packets[sender].notna())
    state = packets["nwk_security" if layer == "NWK" else "aps_security"]
    names = [
        "frame",
        "seconds",
        "fcs_ok",
        "nwk_security",
        "aps_security",
        "nwk_key",
        "aps_key",
        "aps_key_id",
        "nwk_dst",
    ]
    names += [name for name in LAYERS[layer] if name not in names]
    rows = packets[valid & ~mask(state == "bad_mic")][names].reset_index(drop=True)
    rows["who"], rows["counter"], rows["digest"] = rows[sender], rows[counter], rows[digest]
    extra = ("aps_key", "nwk_dst") if layer == "APS" else ("nwk_key",)
    _mark_repeats(rows, key_of(rows, "who", pan, key, "counter", *extra))
    _mark_order(rows, key_of(rows, "who", pan, key, *extra))
    memo[layer] = rows
    return rows


def _mark_repeats(rows: Frame, keys: np.ndarray) -> None:
    order, starts = groups_of(keys)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0)) if len(starts) else order
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    digest = rows["digest"].astype("float64").to_numpy(na_value=np.nan)[order]
    age = np.where(starts, np.nan, seconds - seconds[first]) if len(starts) else seconds
    same = (digest == digest[first]) | np.isnan(digest) | np.isnan(digest[first])
    back = np.argsort(order, kind="stable")
    rows["age"], rows["same"] = age[back], same[back]


def _mark_order(rows: Frame, keys: np.ndarray) -> None:
    order, starts = groups_of(keys)
    counter = rows["counter"].astype("float64").to_numpy(na_value=0)[order]
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    below, since = np.zeros(len(counter)), np.zeros(len(counter))
    bounds = [*np.flatnonzero(starts).tolist(), len(counter)]
    for low, high in pairwise(bounds):
        peak = np.maximum.accumulate(counter[low:high])
        below[low:high] = peak - counter[low:high]
        passed = np.searchsorted(peak, counter[low:high], side="left")
        since[low:high] = seconds[low:high] - seconds[low:high][passed]
    back = np.argsort(order, kind="stable")
    rows["below"], rows["since"] = below[back], since[back]


def _replayed(view: View, layer: str, limit: float) -> Iterator[Evidence]:
    rows = _secured(view, layer)
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
        rows = _secured(view, layer)
        trusted = rows[mask(rows["fcs_ok"] == True) | mask(rows["nwk_security"] == "ok")]  # noqa: E712
        trusted = trusted[mask(trusted["digest"].notna())]
        if layer == "APS":
            trusted = trusted[mask(trusted["aps_security"] == "ok")]
        twice = ~mask(trusted["same"])
        text = f"{{bad}} use a {layer} counter again for another ciphertext"
        yield from judge(view, trusted, twice, text, station="who", good=f"under {layer} counters used once")


def _two_sequences(rows: Frame, jump: int) -> set[int]:
    """Senders whose name two sequences of counters use: another rule's finding."""
    far = rows["below"].to_numpy(dtype=float) > jump
    suspects = set(rows["who"][far].tolist())
    return {who for who in suspects if _goes_on(rows[mask(rows["who"] == who)], jump) is not None}


def _rekeyed(view: View, rows: Frame) -> Frame:
    """Whether a frame may count anew: its sender was given a key before it, and there is more than one
    network key."""
    keys = view.tables["keys"]
    out = np.zeros(len(rows), dtype=bool)
    if int(mask(keys["kind"] == "network").sum()) < 2:
        return out
    packets = view.good
    given = packets[mask(packets["aps_command"] == 0x05) & mask(packets["target"].notna())]
    first = given["seconds"].groupby(given["target"].astype("UInt64")).min() if len(given) else {}
    start = rows["who"].map(dict(first)).astype("float64").to_numpy(na_value=np.inf)
    hub = view.hub_addresses()
    moved = float(given["seconds"].min()) if len(given) else np.inf
    start = np.where(rows["who"].isin(list(hub)).to_numpy(), moved, start)
    return out | (rows["seconds"].to_numpy(dtype=float) >= start)


def _went_back(view: View, layer: str, margin: int) -> Iterator[Evidence]:
    rows = _secured(view, layer)
    fresh = rows[~(mask(rows["same"]) & rows["age"].notna().to_numpy())]
    low = (fresh["below"].to_numpy(dtype=float) >= margin) & (
        fresh["since"].to_numpy(dtype=float) > REORDER_SECONDS
    )
    low &= ~_rekeyed(view, fresh)
    two = _two_sequences(fresh, JUMP) if layer == "NWK" else set()
    low &= ~fresh["who"].isin(list(two)).to_numpy()

    def says(bad: Frame, _: Frame) -> str:
        first = bad.iloc[0]
        top = int(first["counter"]) + int(first["below"])
        return f"{layer} counter went back from {top:,} to {int(first['counter']):,}, {count(bad)} below"

    several = fresh.groupby("who")["who"].transform("size") > 1
    yield from judge(
        view, fresh[mask(several)], low[mask(several)], says, station="who", good="with rising counters"
    )


@rule(
    "nwk-counter-back",
    "A frame counter went back",
    severity="error",
    source="ZigBee PRO 05-3474 4.3.1",
    confidence="secondary",
    merges=("rules:Z11", "attacks:A18"),
    cause="counter reset",
    unseen=SECURED,
    advice=(
        "Ask whether the device restarted or was replaced; others refuse its frames until its counter"
        " has caught up"
    ),
)
def nwk_counter_back(view: View, *, margin: int = 1) -> Iterator[Evidence]:
    """The NWK frame counter of a sender only rises under one key. A lower one, long after the counter had
    passed that value, means a restart without stored counter, a second device under the same address, or a
    forgery."""
    yield from _went_back(view, "NWK", margin)


@rule(
    "aps-counter-back",
    "An APS frame counter went back",
    severity="warning",
    source="ZigBee PRO 05-3474 4.4.1",
    confidence="recalled",
    merges=("rules:Z12",),
    cause="counter reset",
    unseen="APS frames under a link key, at least two from one sender",
    advice="Ask whether the device restarted or was replaced",
)
def aps_counter_back(view: View, *, margin: int = 1) -> Iterator[Evidence]:
    """As for the NWK layer: the APS counter of a sender under one link key only rises."""
    yield from _went_back(view, "APS", margin)


@rule(
    "counter-near-exhaustion",
    "A frame counter is near its end",
    severity="warning",
    source="ZigBee PRO 05-3474 4.3.1.2",
    confidence="recalled",
    merges=("rules:Z13",),
    cause="counter reset",
    unseen=SECURED,
    advice="Change the network key before the counter reaches 0xFFFFFFFF, where the device must fall silent",
)
def counter_near_exhaustion(view: View, *, limit: int = 0x80000000) -> Iterator[Evidence]:
    """A device must stop when its 32-bit counter is used up. More than half used is either years of
    traffic, or somebody who pushed the counter up."""
    rows = _secured(view, "NWK")
    high = mask(rows["counter"] >= limit)
    yield from judge(
        view, rows, high, f"{{bad}} with a counter of {limit:#x} or more", "who", "with low counters"
    )


@rule(
    "counter-jump",
    "A frame counter jumped",
    severity="error",
    source="Xiao (2006); Ghost-in-ZigBee (Cao 2016); ZigBee PRO 05-3474 4.3.1.2",
    confidence="secondary",
    merges=("rules:Z13", "attacks:A18"),
    cause="counter reset",
    unseen=SECURED,
    advice="A forged high counter makes receivers refuse the true device: restart its link or renew the key",
)
def counter_jump(view: View, *, jump: int = 1 << 20, rate: float = 1000.0) -> Iterator[Evidence]:
    """A counter counts frames: it cannot rise by a million in minutes. A jump means a forged frame (which
    locks the true device out), or a store-ahead after a restart with an unusual step."""
    rows = _secured(view, "NWK")
    first_use = rows[rows["age"].isna().to_numpy()]
    order, starts = groups_of(key_of(first_use, "who", "pan", "nwk_key_seq"))
    counter = first_use["counter"].astype("float64").to_numpy(na_value=0)[order]
    seconds = first_use["seconds"].to_numpy(dtype=float)[order]
    step, gap = np.diff(counter, prepend=0.0), np.diff(seconds, prepend=0.0)
    far = ~starts & (step > jump) & (step > rate * np.maximum(gap, 1.0))
    back = np.argsort(order, kind="stable")

    def says(bad: Frame, _: Frame) -> str:
        return f"counter jumped to {int(bad['counter'].iloc[0]):,}, more than its frames can explain"

    several = mask(first_use.groupby("who")["who"].transform("size") > 1) if len(first_use) else far
    yield from judge(
        view, first_use[several], far[back][several], says, station="who", good="counting in step"
    )


@rule(
    "counter-lockout",
    "Low counters go on after a high one: the device may be locked out",
    severity="error",
    source="Xiao (2006); Ghost-in-ZigBee (Cao 2016)",
    confidence="secondary",
    merges=("attacks:A18",),
    cause="counter reset",
    unseen=SECURED,
    advice="See whether the receivers still answer the device; renew the key if they do not",
)
def counter_lockout(view: View, *, jump: int = JUMP) -> Iterator[Evidence]:
    """One frame with a far higher counter, then the old sequence goes on: two transmitters share a name,
    and receivers that accepted the high one refuse all that the true device sends."""
    rows = _secured(view, "NWK")
    far = rows["below"].to_numpy(dtype=float) > jump
    sizes = rows.groupby(rows["who"].astype("UInt64"), sort=False).size() if len(rows) else {}
    suspects = set(rows["who"][far].tolist())
    for who, size in dict(sizes).items():
        if size < 3:
            continue
        subject = view.label(who)
        found = _goes_on(rows[mask(rows["who"] == who)], jump) if who in suspects else None
        if found is None:
            yield kept(subject, f"{size:,} frames, no second sequence far above the first")
            continue
        forged, goes_on = found
        top = int(forged["counter"].iloc[0])
        text = f"{count(forged)} count from {top:,} ({spread(forged)}), then the old sequence goes on"
        yield broken(subject, text, [*view.frames_of(forged), *view.frames_of(goes_on)])


def _goes_on(part: Frame, jump: int) -> tuple[Frame, Frame] | None:
    """The frames with far higher counters, and those that go on from the counter before them; None for a
    reset."""
    counter = part["counter"].to_numpy(dtype=np.float64)
    over = part["below"].to_numpy(dtype=float) > jump
    low_top = counter[over].max()
    ahead = ~over & (counter > low_top) & (np.arange(len(counter)) <= np.flatnonzero(over)[-1])
    if not ahead.any():
        return None
    start = int(np.flatnonzero(ahead)[0])
    earlier = counter[:start]
    if not len(earlier) or counter[over].min() < earlier.max() - 64 or ahead.sum() > over.sum() + 50:
        return None
    return part[ahead], part[over]
