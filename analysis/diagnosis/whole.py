"""A capture to its diagnosis: decoded and checked once, then each device judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from analysis.diagnosis.judging import Case, judged_steps
from analysis.diagnosis.limits import limits, looked_at
from analysis.diagnosis.looked import Looked, address
from analysis.diagnosis.model import DeviceDiagnosis, Diagnosis, Party
from analysis.diagnosis.signs import SignSink
from analysis.diagnosis.steps import roles
from analysis.engine.checking import check_capture
from analysis.features.view import View
from analysis.findings.model import SEVERITIES, Finding
from analysis.pipeline.passes import Progress
from analysis.pipeline.source import ReopenableSource, Source
from analysis.pipeline.windows import Window
from analysis.tables.batches import one_batch
from analysis.views.choice import Party as Called
from analysis.views.choice import stations_called
from dissectors import Keyring

__all__ = ["device_so_far", "diagnose"]

SAID = SEVERITIES.index("warning")
HUB, HOME = "CHF", "HOME"


def diagnose(
    source: Source | ReopenableSource,
    keyring: Keyring | None = None,
    device: str | None = None,
    *,
    profile: str | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Why a device does not work, or why no fault was found.

    Args:
        source: see `analysis.pipeline.decode.decode`.
        device: its name, role, EUI-64 or short address; None for all.
        profile: a profile of the rules, by name or file.

    Raises:
        CaptureError: the capture cannot be read at all.
        LookupError: no device is called so.
        ProfileError: the profile cannot be read.
    """
    sink = SignSink()
    checked = check_capture(
        source, keyring, profile=profile, watcher=Looked, progress=progress, sinks=(sink,)
    )
    looked: Looked = checked.watcher
    case, told, home, devices = _told_of(sink, looked, checked.result.findings, device)
    name = checked.reading.facts.name
    looked_facts = looked_at(checked, looked, case.exchanges, devices)
    return Diagnosis(name, told, home, looked_facts, limits(checked, looked, told))


def device_so_far(
    view: View, window: Window, findings: Sequence[Finding], device: str
) -> DeviceDiagnosis | None:
    """How far a device came by what was heard so far; None as long as it was not heard.

    Args:
        view: what was heard, and `window` the tables of it.
        findings: that the rules made of it.
        device: its name, role, EUI-64 or short address.
    """
    sink, looked = SignSink(), Looked()
    sink.restart(None)
    tables = {name: table for name, table in window.tables.items() if name in SignSink.tables and len(table)}
    sink.see({name: one_batch(table) for name, table in tables.items()})
    looked.see(view, window, ())
    try:
        told = _told_of(sink, looked, findings, device)[1]
    except LookupError:
        return None
    return told[0] if told else None


def _told_of(
    sink: SignSink, looked: Looked, findings: Sequence[Finding], device: str | None
) -> tuple[Case, list[DeviceDiagnosis], DeviceDiagnosis, int]:
    """The case, what is said of the devices that are wanted and of the home, and how many devices there are.

    Raises:
        LookupError: no device is called so.
    """
    parties = _parties(sink)
    case = Case(sink, looked, sink.exchanges(), {one.eui64 or one.short: one.role for one in parties})
    wanted = parties if device is None else _called(device, parties)
    said = [one for one in findings if SEVERITIES.index(one.severity) >= SAID]
    owners = {id(one): _owners(one, sink, case.roles) for one in said}
    known = {address for one in parties for address in (one.eui64, one.short) if address}
    apart = [one for one in said if not owners[id(one)] & known]
    home = judged(case, Party("", "", HOME, "This home", 0), apart)
    told = [
        judged(case, one, [it for it in said if owners[id(it)] & {one.eui64, one.short}]) for one in wanted
    ]
    return case, told, home, len(parties)


def _parties(sink: SignSink) -> list[Party]:
    """The devices that were heard, or should have been."""
    out = []
    for row in sink.devices():
        party = Party(row["eui64"], row["short"], row["role"], row["name"], int(row["frames"] or 0))
        if party.frames or party.short or party.role in roles():
            out.append(party)
    return sorted(out, key=lambda one: one.role != HUB)


def _called(device: str, parties: Iterable[Party]) -> list[Party]:
    known = list(parties)
    named = [Called(int(one.eui64, 16), one.name, one.role) for one in known if one.eui64]
    try:
        stations = {
            address(one) if one >= 1 << 16 else f"{one:04x}" for one in stations_called(device, named)
        }
    except ValueError as error:
        raise LookupError(str(error)) from None
    found = [one for one in known if one.eui64 in stations or one.short in stations]
    if not found:
        raise LookupError(f"no device {device!r} in this capture")
    return found


def _owners(finding: Finding, sink: SignSink, known: Mapping[str, str]) -> set[str]:
    """Addresses of the devices that a finding is about; of two of which one is the hub, the other."""
    if finding.about.message is not None:
        found = {one for one in sink.parties.get(finding.about.message, ()) if one in known}
    else:
        found = {address(one) for one in finding.about.stations if one is not None}
    others = {one for one in found if known.get(one) != HUB}
    return others if len(found) > 1 and others else found


def judged(case: Case, party: Party, findings: Sequence[Finding]) -> DeviceDiagnosis:
    """A device, or the home, with the findings about it."""
    steps = judged_steps(case, party, findings)
    said = {rule for one in steps for rule in one.rules}
    heard = party.role == HOME or party.frames > 0 or any(one.count for one in steps)
    return DeviceDiagnosis(party, steps, [one for one in findings if one.rule not in said], heard)
