"""A whole capture redacted: read once for what it teaches, once more frame by frame, then sealed and written.

Strategy: the second reading knows all keys and addresses from the start, so that every frame that can be
opened is. A frame is written when all are read, because a block of a fragmented payload is known
only when the payload is complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.pipeline.passes import Progress
from analysis.pipeline.runner import run_passes
from analysis.pipeline.session import SECURITY, Session
from analysis.pipeline.source import ReopenableSource
from analysis.redaction.blanking import Buffers, blanked
from analysis.redaction.fragments import Blocks
from analysis.redaction.pseudonyms import Leaks, Pseudonyms
from analysis.redaction.resealing import Seal, seals
from captures import CapturedFrame, captured_frames
from captures.block import FcsState, TrailerKind
from captures.fcs import fcs16, fcs32
from dissectors import Dissection, Key, Keyring, RawFrame
from dissectors.model import Trailer
from dissectors.zigbee import WELL_KNOWN_LINK_KEY, install_code_key

__all__ = ["Redacted", "redact_capture"]

TRAILERS: tuple[Trailer, ...] = ("absent", "fcs16", "fcs32", "ti")


@dataclass(slots=True)
class PendingFrame:
    """One frame on its way to the output."""

    frame: CapturedFrame
    buffers: Buffers
    seals: list[Seal]


@dataclass(slots=True)
class Redacted:
    """A capture after redaction.

    Attributes:
        frames: in the order of the capture, as many as it has records.
        counts: frames by what happened: ``opened`` (and sealed again), ``shut`` (header read, ciphertext
            replaced by random octets), ``damaged`` (octets that no layer could read were emptied),
            ``emptied`` (no radio frame: nothing is left of it).
        keys: keys that open the redacted capture.
        roles: roles of the devices that keys.toml told, by pseudonym.
    """

    frames: list[CapturedFrame] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    keys: list[Key] = field(default_factory=list)
    roles: dict[int, str] = field(default_factory=dict)
    facts: Any = None


def redact_capture(
    replay: ReopenableSource, keyring: Keyring, names: Pseudonyms, progress: Progress | None = None
) -> Redacted:
    """Redact the capture that `replay` opens.

    Raises:
        CaptureError: it cannot be read at all.
    """
    replay.apart = True  # every record is written again, so none is passed over as a double
    last = run_passes(replay, keyring, tables=("packets",))
    session, learnt = last.session, last.session.learnt()
    keys = session.context.keyring.keys
    out = Redacted(facts=last.facts)
    addresses = {*keyring.devices, *session.names, *learnt.addresses.values()}
    addresses |= {one for key in keys for one in key.devices or ()}
    radios = session.radios.rows(session.context.addresses, keyring.devices, session.names)
    addresses |= {one["eui64"] for one in radios if one.get("eui64") is not None}
    work = Work(names, Leaks(names, addresses, _secrets(keyring, keys)), out)
    second = Session(keyring, capture=replay.name, hindsight=learnt)
    out.frames.extend(map(_closed, list(work.pending_frames(replay, second, progress))))
    out.keys = _other_keys(session.context.keyring, names)
    out.roles = {names.eui64(eui64): one.role for eui64, one in keyring.devices.items()}
    return out


def _secrets(keyring: Keyring, keys: Iterable[Key]) -> Iterator[bytes]:
    """Every secret that is known, in any form in which it might stand in a frame."""
    yield from (key.value for key in keys)
    for one in keyring.install_codes:
        yield from (one.code, one.code[:-2], install_code_key(one.code))


@dataclass(slots=True)
class Work:
    """The second reading: every frame dissected and blanked."""

    names: Pseudonyms
    leaks: Leaks
    out: Redacted
    blocks: Blocks = field(default_factory=Blocks)

    def pending_frames(
        self, replay: ReopenableSource, session: Session, progress: Progress | None
    ) -> Iterator[PendingFrame]:
        """All frames; what stands in them is settled when the last one is read."""
        with replay.open() as capture:
            for block in capture:
                session.learn_secrets(capture.secrets)
                for number, frame in zip(block.number.tolist(), captured_frames(block), strict=True):
                    yield self._pending(number, frame, session)
                if progress is not None:
                    progress(capture.position, capture.size, sum(self.out.counts.values()))

    def _pending(self, number: int, frame: CapturedFrame, session: Session) -> PendingFrame:
        from dissectors import dissect_frame

        if frame.link_type is not None:
            self.out.counts["emptied"] += 1
            return PendingFrame(replace(frame, octets=b""), {}, [])
        raw = RawFrame(frame.octets, TRAILERS[frame.trailer], number, frame.time_ns)
        found = dissect_frame(raw, session.context)
        buffers = blanked(found, self.names, frame.trailer.octets)
        self._stop_leaks(found, buffers)
        self.blocks.take(found, buffers)
        _count(found, self.out.counts)
        return PendingFrame(frame, buffers, [] if _mac_secured(found) else seals(found, self.names))

    def _stop_leaks(self, found: Dissection, buffers: Buffers) -> None:
        """The application's octets once more: headers hold nothing but what their fields say."""
        for branch in found.fields:
            if branch.name == "zcl" and branch.buffer in buffers:
                octets = buffers[branch.buffer]
                octets[branch.offset : branch.end] = self.leaks.stopped(
                    bytes(octets[branch.offset : branch.end])
                )


def _mac_secured(found: Dissection) -> bool:
    return found.columns.get("mac_security") not in (None, "none")


def _count(found: Dissection, counts: Counter[str]) -> None:
    counts["frames"] += 1
    if _mac_secured(found) or any(found.columns.get(layer) in ("no_key", "bad_mic") for layer in SECURITY):
        counts["shut"] += 1
    elif found.opened:
        counts["opened"] += 1
    if any(issue.severity == "error" for issue in found.issues):
        counts["damaged"] += 1


def _closed(pending: PendingFrame) -> CapturedFrame:
    """The frame as it is written: sealed, with its check sequence, without comment and encapsulation."""
    if not pending.buffers:
        return replace(pending.frame, comment="", record=b"")
    for seal in pending.seals:
        seal.close(pending.buffers)
    octets = _checked(bytes(pending.buffers["frame"]), pending.frame)
    return replace(pending.frame, octets=octets, comment="", record=b"")


def _checked(octets: bytes, frame: CapturedFrame) -> bytes:
    """The frame with a check sequence as right or wrong as it was."""
    size = frame.trailer.octets
    if frame.trailer not in (TrailerKind.FCS16, TrailerKind.FCS32) or len(octets) < size:
        return octets
    body = octets[:-size]
    check = fcs16(body) if frame.trailer is TrailerKind.FCS16 else fcs32(body)
    if frame.fcs is FcsState.BAD:
        check = bytes(octet ^ 0xFF for octet in check)
    return body + check


def _other_keys(keyring: Keyring, names: Pseudonyms) -> list[Key]:
    """The keys of `keyring`, install codes among them, as the redacted capture uses them."""
    codes = (install_code_key(one.code) for one in keyring.install_codes)
    held = [*keyring.keys, *(Key("link", value, "install code") for value in codes)]
    out = Keyring()
    for key in held:
        if key.kind == "mac" or key.value == WELL_KNOWN_LINK_KEY:
            continue
        devices = None if key.devices is None else (names.eui64(key.devices[0]), names.eui64(key.devices[1]))
        out.add(Key(key.kind, names.key(key.value), sequence=key.sequence, devices=devices))
    return out.keys
