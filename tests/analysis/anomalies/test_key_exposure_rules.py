"""Rules on key exposure: what breaks each of them, and what keeps it."""

from tests.analysis.anomalies.rows import key_frame, stream
from tests.analysis.frames import decoded
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "transport-key-in-clear": (lambda: key_frame(aps_security="none"), key_frame),
    "transport-key-network-only": (
        lambda: key_frame(aps_security="none", nwk_security="ok"),
        lambda: key_frame(nwk_security="ok"),
    ),
    "transport-key-well-known": (lambda: key_frame(aps_key="well-known: ZigBeeAlliance09"), key_frame),
    "well-known-key-opens-frames": (
        lambda: decoded(stream(3, aps_security="ok", aps_key="well-known"), keys=[{"kind": "link"}]),
        lambda: decoded(stream(3, aps_security="ok", aps_key="keys.toml"), keys=[{"kind": "link"}]),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)
