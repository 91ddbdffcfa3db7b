"""`hanscope stats`: what was captured, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.inputs import opened
from analysis.cli.command_line.stats_text import side_by_side, summary, traffic_lines
from analysis.pipeline.runner import run_passes
from analysis.tables.row_form import RowForm
from analysis.views.statistics import Statistics, StatisticsSink, short_text
from analysis.views.traffic_statistics import TrafficSink
from captures import CaptureFacts
from dissectors import Keyring

__all__ = ["run"]

LAYERS = (("mac", "IEEE 802.15.4"), ("nwk", "  ZigBee NWK"), ("aps", "    APS"), ("zcl", "      ZCL"))


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
    time: str | None = None,
    jobs: int = 1,
    every: float | None = None,
) -> int:
    """Print the statistics; see `hanscope stats --help`."""
    form = row_form(None, time, choice.tz, ()) or RowForm()
    batch: Batch[dict[str, Any]] = Batch(sources, jobs)

    def one(source: str, number: int) -> dict[str, Any]:
        if number and not as_json:
            console.put()
        options: dict[str, Any] = {"as_json": as_json, "most": most, "quiet": quiet, "many": batch.many}
        return _one(source, keyring, choice, form, every, **options)

    found = [told for _, told in batch.each(one)]
    if batch.many and found and not as_json:
        for line in side_by_side(found):
            console.put(line)
    return console.UNREADABLE if batch.unreadable else console.OK


def _one(
    source: str,
    keyring: Keyring,
    choice: ChoiceOptions,
    form: RowForm,
    every: float | None,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    many: bool,
) -> dict[str, Any]:
    """Print the statistics of one capture; the figures that are compared with those of others."""
    sink, traffic = StatisticsSink(), TrafficSink(every)
    with opened(source) as replay, console.progress(source, quiet=quiet) as step:
        chosen = choice.filter(replay, keyring)
        facts = run_passes(replay, keyring, *behind(chosen, sink, traffic), progress=step).facts
    counts, devices, told = sink.counts, sink.devices, traffic.to_json()
    console.tell_losses(facts, notes=as_json)
    if as_json:
        head = {"schema": 1, "source": facts.name, "format": facts.format, "link_types": facts.link_types}
        head["trailers"] = facts.trailer_judgement
        head["notes"], head["clocks"], head["warnings"] = facts.notes, facts.clocks, facts.warnings
        document = {**head, **counts.to_json(), **told, "devices": devices}
        console.put_json(document, indent=None if many else 2)
    else:
        for line in _text(facts, counts, devices, most, form, told):
            console.put(line)
    return summary(facts.name, counts, told, devices)


def _text(
    facts: CaptureFacts,
    counts: Statistics,
    devices: list[dict[str, Any]],
    most: int,
    form: RowForm,
    told: dict[str, Any],
) -> Iterator[str]:
    kinds = ", ".join(map(str, facts.link_types))
    yield f"{facts.name}: {facts.format}, link type {kinds or 'unknown'}"
    if facts.trailer_judgement:
        yield f"  {facts.trailer_judgement}"
    yield f"  {counts.frames:,} frames, {counts.octets:,} octets"
    if counts.doubles:
        recorded = counts.frames + counts.doubles
        yield f"  {recorded:,} records, {counts.doubles:,} of them doubles: the same frame from another interface"
    yield from (f"  {note}" for note in facts.notes)
    if counts.first_ns is not None and counts.last_ns is not None:
        form.start_ns = counts.first_ns
        yield f"  {form.time(counts.first_ns)} to {form.time(counts.last_ns)}"
        if counts.seconds > 1e-3:
            rate = counts.frames / counts.seconds
            yield f"  {counts.seconds:,.3f} s, {rate:,.2f} frames a second, {60 * rate:,.0f} a minute"
    if counts.fcs["good"] or counts.fcs["bad"]:
        share = counts.fcs["bad"] / (counts.fcs["good"] + counts.fcs["bad"])
        yield f"  {counts.fcs['bad']:,} frames with a bad FCS ({share:.1%})"
    channels = ", ".join(f"{channel}: {n:,}" for channel, n in sorted(counts.channels.items()))
    if channels:
        yield f"  channel {channels}"
    yield from _hierarchy(counts)
    yield from _conversations(counts, most)
    yield from _endpoints(counts, most)
    yield from traffic_lines(told, most, form)
    yield from _devices(devices, most)


def _hierarchy(counts: Statistics) -> Iterator[str]:
    yield ""
    yield f"{'frames':>10} {'share':>7} {'octets':>12}  layer or protocol"
    total = counts.frames or 1
    for name, label in (
        ("mac", "IEEE 802.15.4"),
        ("nwk", "  ZigBee NWK"),
        ("aps", "    APS"),
        ("zcl", "      ZCL"),
    ):
        n = counts.layers[name]
        verdicts = [f"{word} {k:,}" for (layer, word), k in sorted(counts.security.items()) if layer == name]
        said = (
            f"   (security: {', '.join(verdicts)})"
            if [v for v in verdicts if not v.startswith("none")]
            else ""
        )
        yield f"{n:>10,} {n / total:>7.1%} {'':>12}  {label}{said}"
    for protocol, n in counts.protocols.most_common():
        if n:
            yield f"{n:>10,} {n / total:>7.1%} {counts.protocol_octets[protocol]:>12,}  {protocol}"


def _conversations(counts: Statistics, most: int) -> Iterator[str]:
    if not counts.conversations:
        return
    yield ""
    yield f"{'frames':>10} {'octets':>12}  conversation (NWK)"
    for key, n in counts.conversations.most_common(most):
        pan, source, destination = key
        yield (
            f"{n:>10,} {counts.conversation_octets[key]:>12,}  "
            f"PAN 0x{pan:04x}: {short_text(source)} to {short_text(destination)}"
        )
    yield from _more(len(counts.conversations), most)


def _endpoints(counts: Statistics, most: int) -> Iterator[str]:
    if not counts.endpoints:
        return
    yield ""
    yield f"{'frames':>10}  profile, cluster, endpoints"
    for (profile, cluster, source, destination), n in counts.endpoints.most_common(most):
        yield f"{n:>10,}  0x{profile:04x}, 0x{cluster:04x}, {source} to {destination}"
    yield from _more(len(counts.endpoints), most)


def _devices(devices: list[dict[str, Any]], most: int) -> Iterator[str]:
    if not devices:
        return
    yield ""
    shown = sorted(devices, key=lambda one: -one["frames"])[:most]
    width = max(12, *(len(row.get("role", "")) + 2 for row in shown))
    yield f"{'frames':>10}  {'EUI-64':<17}{'short':<8}{'PAN':<8}{'role':<{width}}{'state':<17}name"
    for row in shown:
        eui64 = row.get("eui64", "unknown")
        short = f"0x{row['short']}" if "short" in row else ""
        pan = f"0x{row['pan']:04x}" if "pan" in row else ""
        # A remote party, which keys.toml or a certificate names, never joins.
        told = f"{row.get('role', ''):<{width}}{row.get('join_state', ''):<17}{row.get('name', '')}"
        yield f"{row['frames']:>10,}  {eui64:<17}{short:<8}{pan:<8}{told}".rstrip()
    yield from _more(len(devices), most)


def _more(count: int, most: int) -> Iterator[str]:
    if count > most:
        yield f"{'':>10}  and {count - most:,} more (--most {count} shows all)"
