"""`hanscope demo`: a home area network that never was, captured, decoded, checked and reported on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import DECODED_TABLES, Decoded, decode
from analysis.pipeline.message_store import MessageStore
from analysis.tables.output import Folder
from captures.whole_files import write_whole

__all__ = ["run", "simulate_home"]

STORY = "install-day"
SECONDS = 1800.0
FAULTS = ("well-known-key", "counter-reset", "gbcs-tamper")
FINDINGS_SHOWN = 8
METERING = 0x0702


def run(out: Path, *, quiet: bool) -> int:
    """Run the demonstration; see `hanscope demo --help`."""
    out.mkdir(parents=True, exist_ok=True)
    capture, keys = out / "han.pcapng", out / "keys.toml"
    frames = simulate_home(capture, out / "truth.jsonl", keys)
    console.put(
        f"1  {capture}: {frames:,} frames of an installation day, simulated (truth.jsonl says what is so)"
    )
    console.put(f"2  {keys}: the installer's keys, readable by you only")
    with console.progress("decoding", quiet=quiet) as step:
        store = MessageStore()
        decoded = decode(str(capture), read_keys(keys), progress=step, sinks=[store])
    for line in _decoded(decoded, out / "tables"):
        console.put(line)
    for line in _checked(decoded, capture, keys, out / "report.html", store):
        console.put(line)
    console.put()
    console.put(f"now try:  hanscope stats {capture} --keys {keys}")
    console.put(f"          hanscope show {capture} {_telling_frame(decoded)} --keys {keys}")
    return console.OK


def simulate_home(capture: Path, truth: Path, keys: Path) -> int:
    """Simulate the demonstration's home; write its capture, its truth and its key file. Returns the frames."""
    from captures.simulated.scenarios import simulate
    from captures.simulated.scenarios.recording import truth_rows, write_han

    han = simulate(STORY, seconds=SECONDS, faults=FAULTS)
    frames = write_han(han, capture, truth)
    told = [row for row in truth_rows(han) if row["kind"] == "key"]
    write_whole(keys, "\n".join(_key_file(han, told)) + "\n", mode=0o600)
    return frames


def _key_file(han: Any, told: Iterable[dict[str, Any]]) -> Iterator[str]:
    from captures.simulated.scenarios.keyfile import WELL_KNOWN, gbcs_lines

    yield "# The keys of the simulated home: what an installer and the access control broker would know."
    for node in han.nodes:
        yield f'\n[[device]]\neui64 = "{node.eui64:016x}"\nname = {json.dumps(node.name)}\nrole = "{node.role}"'
    for node in han.nodes:
        yield f'\n[[install_code]]\ncode = "{node.install_code.hex()}"\ndevice = "{node.eui64:016x}"'
    for row in told:
        if row["type"] == "link" and row.get("devices") and row["key"] != WELL_KNOWN:
            yield f'\n[[link_key]]\nkey = "{row["key"]}"\ndevices = {json.dumps(row["devices"])}'
    yield from gbcs_lines(han)


def _decoded(decoded: Decoded, folder: Path) -> Iterator[str]:
    tables = Folder(folder, "parquet", DECODED_TABLES)
    tables.begin()
    for name in DECODED_TABLES:
        for batch in decoded.table(name).combine_chunks().to_batches():
            tables.write(name, batch)
    tables.finish()
    counts = ", ".join(f"{len(decoded.table(name)):,} {name}" for name in DECODED_TABLES)
    yield f"3  {folder}: {counts}"
    security = decoded.packets.nwk_security.value_counts()
    opened = int(security.get("ok", 0)) + int(security.get("replay", 0))
    yield f"   {opened:,} secured frames opened; the network key was learnt from the join"


def _checked(decoded: Decoded, capture: Path, keys: Path, report: Path, store: MessageStore) -> Iterator[str]:
    from analysis.engine.checking import check
    from analysis.report import write_report
    from analysis.report.named_frames import named_frames

    result = check(decoded)
    yield f"4  {len(result.findings)} findings by {len(result.rules)} rules, the gravest:"
    for one in result.findings[:FINDINGS_SHOWN]:
        yield f"   {one.severity:<9}{one.title} ({one.device}): {one.evidence}"
    shown = named_frames(str(capture), read_keys(keys), result)
    write_report(decoded, result, report, store=store, shown=shown)
    yield f"5  {report}: open it in a browser"


def _telling_frame(decoded: Decoded) -> int:
    readings = decoded.attributes
    found = readings[readings.scaled.notna() & (readings.cluster == METERING)]
    return int(found.frame.iloc[0]) if len(found) else 1
