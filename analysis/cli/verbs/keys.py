"""`hanscope keys`: which keys are held or learnt, which are needed, what each opens, and why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.pipeline.certificates import certificate_rows
from analysis.pipeline.keytable import key_rows
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource
from analysis.tables.arrow import codes_of
from analysis.tables.python_values import rows_of
from dissectors import Keyring

__all__ = ["Need", "run"]

LAYERS = ("mac", "nwk", "aps")
SHUT = ("no_key", "bad_mic")
REPLAY = "replay"
WHOSE = re.compile(r"\b[0-9a-f]{16} \([^)]*\)")
KEPT = re.compile("; (?:role|device)")  # what was checked and held follows
CHAINS = ("untrusted", "unchecked", "trusted")
FRAMES_NAMED = 8


@dataclass(slots=True)
class Need:
    """Frames that stayed shut for one reason."""

    layer: str
    scope: str
    verdict: str
    reason: str
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, frame: int) -> None:
        """Count one frame."""
        self.count += 1
        if len(self.first) < FRAMES_NAMED:
            self.first.append(frame)

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "scope": self.scope,
            "verdict": self.verdict,
            "why": self.reason,
            "frames": self.count,
            "first_frames": self.first,
        }


class NeedsSink(Sink):
    """Sorts the frames that stayed shut, or were replayed, by layer and reason.

    Attributes:
        needs: by layer, scope, verdict and reason.
        secured: frames that are secured at all.
    """

    tables = ("packets", "keys", "certificates")

    def restart(self, decode_pass: DecodePass) -> None:
        self.needs: dict[tuple[str, ...], Need] = {}
        self.secured = 0

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches:
            self.secured += _gather(block.batches["packets"], self.needs)


def run(
    source: str,
    keyring: Keyring,
    *,
    as_json: bool,
    reveal: bool,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
) -> int:
    """Print the keys; see `hanscope keys --help`."""
    sink = NeedsSink()
    with ReopenableSource(source) as replay, console.progress(source, quiet=quiet) as step:
        chosen = choice.filter(replay, keyring)
        last = run_passes(replay, keyring, *behind(chosen, sink), progress=step)
    console.tell_losses(last.facts)
    held, secured = key_rows(last.session, reveal=reveal), sink.secured
    ranked = sorted(
        sink.needs.values(), key=lambda need: (-need.count, need.first[0], LAYERS.index(need.layer))
    )
    shut = [need for need in ranked if need.verdict != REPLAY]
    replayed = [need for need in ranked if need.verdict == REPLAY]
    certificates = certificate_rows(last.session)
    if as_json:
        document = {
            "schema": 1,
            "source": last.facts.name,
            "frames": last.session.frames,
            "secured_frames": secured,
            "keys": held,
            "needed": [need.to_json() for need in shut],
            "replayed": [need.to_json() for need in replayed],
            "certificates": certificates,
        }
        console.put_json(document)
    else:
        for line in (*_text(last, held, shut, replayed, secured), *_certificates(certificates)):
            console.put(line)
    return console.OK


def _gather(packets: Any, needs: dict[tuple[str, ...], Need]) -> int:
    """Sort the shut and the replayed frames of a batch by reason; returns how many frames are secured at all."""
    import numpy as np

    secured = np.zeros(len(packets), np.bool_)
    for layer in LAYERS:
        column = packets.column(f"{layer}_security")
        secured |= codes_of(column, (*SHUT, REPLAY, "ok"))
        rows = np.flatnonzero(codes_of(column, (*SHUT, REPLAY)))
        if len(rows):
            import pyarrow as pa

            for row in rows_of(packets.take(pa.array(rows))):
                scope, reason = _scope(layer, row), _reason(layer, row)
                key = (layer, scope, row[f"{layer}_security"], reason)
                needs.setdefault(key, Need(*key)).add(row["frame"])
    return int(secured.sum())


def _scope(layer: str, row: dict[str, Any]) -> str:
    pan = row.get("mac_dst_pan", row.get("mac_src_pan"))
    parts = [f"PAN 0x{pan:04x}"] if pan is not None else []
    if layer == "nwk" and row.get("nwk_key_seq") is not None:
        parts.append(f"key sequence {row['nwk_key_seq']}")
    if layer == "aps":
        parts.append(f"{row.get('aps_key_id') or 'link'} key of")
        ends = (("nwk_src_eui64", "nwk_src"), ("nwk_dst_eui64", "nwk_dst"))
        parts.append(" and ".join(sorted(_end(row, eui64, short) for eui64, short in ends)))
    return ", ".join(parts[:1]) + (" " + " ".join(parts[1:]) if parts[1:] else "")


def _end(row: dict[str, Any], eui64: str, short: str) -> str:
    if row.get(eui64) is not None:
        return f"{row[eui64]:016x}"
    return f"0x{row[short]:04x}" if row.get(short) is not None else "an unknown device"


def _reason(layer: str, row: dict[str, Any]) -> str:
    if row.get("fcs_ok") is False:
        return "the frame was received with errors (bad FCS)"
    said: str | None = row.get(f"{layer}_reason")
    return said or "no key that could open it is held"


def _text(
    last: DecodePass, held: list[dict[str, Any]], shut: list[Need], replayed: list[Need], secured: int
) -> Iterator[str]:
    yield f"{last.facts.name}: {last.session.frames:,} frames, {secured:,} of them secured"
    yield ""
    yield f"{'keys held':<10}{'opened':>8}  {'scope':<40} origin"
    for row in sorted(held, key=lambda r: -int(r["frames_opened"])):
        learnt = f" (learnt in frame {row['first_frame']})" if row["first_frame"] else ""
        origin = row["origin"] + ("" if learnt and str(row["first_frame"]) in row["origin"] else learnt)
        shown = f"  {row['key']}" if "key" in row else ""
        yield f"{row['kind']:<10}{row['frames_opened']:>8,}  {row['scope']:<40} {origin}{shown}"
    if not held:
        yield "none"
    yield ""
    if not shut:
        yield "keys needed: none" if not secured else "keys needed: none, every secured frame is open"
    else:
        yield from _needs("needed", "shut", shut)
    if replayed:
        yield ""
        yield from _needs("replayed", "opened", replayed)


def _needs(title: str, count: str, needs: list[Need]) -> Iterator[str]:
    yield f"{title:<10}{count:>8}  for, why{' not' if count == 'shut' else ''}"
    for need in needs:
        frames = ", ".join(map(str, need.first)) + (" ..." if need.count > len(need.first) else "")
        yield f"{need.layer:<10}{need.count:>8,}  {need.scope or 'any network'}"
        yield f"{'':<20}{need.reason} (frames {frames})"


def _certificates(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many certificates there are, and those that are not to be trusted, or why they could not be checked."""
    if not rows:
        return
    counts = Counter(row["chain"] for row in rows)
    yield ""
    yield "certificates: " + ", ".join(f"{counts[state]:,} {state}" for state in CHAINS if counts[state])
    for state in CHAINS[:2]:
        told = (row["chain_reason"] for row in rows if row["chain"] == state)
        reasons = Counter(WHOSE.sub("a certificate", KEPT.split(text)[0]) for text in told)
        for reason, count in reasons.most_common(FRAMES_NAMED):
            yield f"{state:<10}{count:>8,}  {reason}"
