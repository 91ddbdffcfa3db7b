"""`hanscope redact`: a capture that may be given away."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.batch import Batch, places_in
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, chosen_numbers
from analysis.cli.command_line.inputs import opened
from analysis.cli.command_line.places import refuse_overwriting
from analysis.redaction import Pseudonyms, Redacted, redact_capture
from captures import write_capture
from captures.whole_files import write_whole
from dissectors import Keyring

__all__ = ["keys_text", "run"]


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    out: str,
    salt: str | None,
    keys_out: Path | None,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
) -> int:
    """Redact captures; see `hanscope redact --help`. Several have the same pseudonyms, and go into a folder."""
    batch: Batch[None] = Batch(sources)
    names = Pseudonyms((salt or "").encode())
    if batch.many and keys_out is not None:
        raise console.UsageError(
            "--keys-out takes the keys of one capture", "redact them one by one, with --salt"
        )
    places = places_in(batch, out, ".pcapng") if batch.many else [out]
    refuse_overwriting(batch.captures, [*places, keys_out])

    def one(source: str, number: int) -> None:
        _one(source, keyring, names, choice, out=places[number], keys_out=keys_out, quiet=quiet)

    for _ in batch.each(one):
        pass
    return console.UNREADABLE if batch.unreadable else console.OK


def _one(
    source: str,
    keyring: Keyring,
    names: Pseudonyms,
    choice: ChoiceOptions,
    *,
    out: str,
    keys_out: Path | None,
    quiet: bool,
) -> None:
    with opened(source) as replay, console.progress(replay.name, quiet=quiet) as step:
        chosen = set(chosen_numbers(choice, replay, keyring)) if choice else None
        found = redact_capture(replay, keyring, names, step)
    if chosen is not None:
        found.frames = [frame for number, frame in enumerate(found.frames, 1) if number in chosen]
    console.tell_losses(found.facts)
    written = write_capture(sys.stdout.buffer if out == "-" else out, found.frames)
    if keys_out is not None:
        _write_keys(found, keys_out)
    if not quiet:
        for line in _summary(found, names, "stdout" if out == "-" else out, written):
            console.say(line)


def _write_keys(found: Redacted, path: Path) -> None:
    """Readable for the owner only: `hanscope` itself would warn otherwise."""
    write_whole(path, "\n".join(keys_text(found)) + "\n", mode=0o600)


def keys_text(found: Redacted) -> Iterator[str]:
    """keys.toml for the redacted capture: its own keys, and devices by pseudonym."""
    yield "# Keys of a redacted capture: they open it and nothing else."
    for number, (eui64, role) in enumerate(sorted(found.roles.items()), 1):
        yield f'\n[[device]]\neui64 = "{eui64:016x}"\nname = "Device {number}"'
        if role:
            yield f'role = "{role}"'
    for key in found.keys:
        yield f'\n[[{key.kind}_key]]\nkey = "{key.value.hex()}"'
        if key.sequence is not None and key.kind == "network":
            yield f"sequence = {key.sequence}"
        if key.devices is not None:
            yield 'devices = ["{:016x}", "{:016x}"]'.format(*key.devices)


def _summary(found: Redacted, names: Pseudonyms, out: str, written: int) -> Iterator[str]:
    counts = found.counts
    yield f"{out}: {written:,} frames; {len(names.addresses)} EUI-64s and {len(names.pans)} PAN IDs replaced"
    yield f"  {counts['opened']:,} secured frames opened, blanked and sealed again under other keys"
    if counts["shut"]:
        yield (
            f"  {counts['shut']:,} frames stayed shut: their headers are pseudonymised, their ciphertext is "
            "replaced by random octets"
        )
    if counts["damaged"]:
        yield f"  {counts['damaged']:,} frames could not be read to their end: what was not read is zeros"
    if counts["emptied"]:
        yield f"  {counts['emptied']:,} records are no radio frames and are empty now"
    yield "  kept: times, signal strengths, lengths, counters, short addresses, commands and their order"
