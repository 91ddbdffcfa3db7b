"""The verbs that make captures: simulated, heard, rewritten; what each takes, and which function does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions
from analysis.cli.command_line.options import (
    Argument,
    CaptureArgument,
    CapturesArgument,
    KeysOption,
    Option,
    QuietOption,
    RevealOption,
    WhereOption,
    keyring,
)
from analysis.cli.command_line.registry import verb


@verb(
    "simulate",
    "hanscope simulate install-day -o home.pcapng --truth truth.jsonl",
    "hanscope simulate ordinary-day -o day.pcapng --fault replay --fault weak-link --seed 7",
    "hanscope simulate proving-exercise -o gbcs.pcapng --use-cases all",
    "hanscope simulate --list",
)
def simulate(
    scenario: Annotated[
        str, Argument(metavar="SCENARIO", help="See --list.", complete="scenario")
    ] = "install-day",
    out: Annotated[str, Option("--out", "-o", help="The capture, pcapng; - for stdout.")] = "",
    fault: Annotated[
        list[str] | None,
        Option("--fault", metavar="NAME", help="A fault or attack (repeatable).", complete="fault"),
    ] = None,
    truth: Annotated[Path | None, Option("--truth", help="Ground truth as JSON lines.")] = None,
    seed: Annotated[int, Option("--seed", help="Same seed, same octets.")] = 1,
    seconds: Annotated[float | None, Option("--seconds", min=1, help="How long, simulated.")] = None,
    strength: Annotated[float, Option("--strength", min=0.05, help="How loud faults are.")] = 1.0,
    profile: Annotated[
        Path | None, Option("--profile", help="TOML file of parameters that replace the SMETS2 ones.")
    ] = None,
    keys_out: Annotated[
        Path | None, Option("--keys-out", help="keys.toml with the simulated keys; needs --reveal.")
    ] = None,
    use_cases: Annotated[
        str | None, Option("--use-cases", metavar="all|LIST", help="GBCS use cases to exercise.")
    ] = None,
    list_: Annotated[bool, Option("--list", help="List scenarios, faults, attacks.")] = False,
    as_json: Annotated[bool, Option("--json", help="The list as JSON.")] = False,
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """The simulated HAN: a home whose frames are real in every octet, with truth beside them."""
    from analysis.cli import console
    from analysis.cli.verbs import simulate as run

    if list_:
        return run.list_all(as_json=as_json)
    if not out:
        raise console.UsageError("where should the capture go?", "name a file with -o")
    if use_cases is not None:
        scenario = "proving-exercise"
    return run.run(
        scenario, out=out, faults=fault or (), truth=truth, seed=seed, seconds=seconds, strength=strength,
        profile=profile, keys_out=keys_out, reveal=reveal, use_cases=use_cases, quiet=quiet,
    )  # fmt: skip


@verb(
    "sniff",
    "hanscope sniff nrf:/dev/ttyACM0 -o han.pcapng --channel 20",
    "hanscope sniff zep:0.0.0.0:17754 -o ring.pcapng --ring-size 10 --ring-files 20",
    "hanscope sniff --list",
)
def sniff(
    source: Annotated[
        str, Argument(metavar="SOURCE", help="scheme:place; see --list.", complete="sniffer")
    ] = "",
    out: Annotated[str, Option("--out", "-o", help="The capture, pcapng; - for stdout.")] = "",
    channel: Annotated[int, Option("--channel", min=0, max=255, help="11-26, or sub-GHz.")] = 11,
    page: Annotated[int, Option("--page", min=0, max=31, help="0, or 28-31 for GB sub-GHz.")] = 0,
    seconds: Annotated[float | None, Option("--seconds", help="Stop after so long.")] = None,
    frames: Annotated[int | None, Option("--frames", min=1, help="Stop after so many.")] = None,
    ring_size: Annotated[
        float | None, Option("--ring-size", metavar="MB", help="Next file at this size.")
    ] = None,
    ring_seconds: Annotated[float | None, Option("--ring-seconds", help="Next file at this age.")] = None,
    ring_files: Annotated[int | None, Option("--ring-files", min=1, help="Keep so many.")] = None,
    baud: Annotated[int | None, Option("--baud", help="Serial speed, where unusual.")] = None,
    speed: Annotated[
        float, Option("--speed", min=0, help="Of the simulated HAN; 0: as fast as possible.")
    ] = 1.0,
    seed: Annotated[int, Option("--seed", help="Of the simulated HAN.")] = 1,
    list_: Annotated[bool, Option("--list", help="List the kinds of sniffers.")] = False,
    quiet: QuietOption = False,
) -> int:
    """Frames from the air into a capture; nothing heard is lost when the program is stopped or killed."""
    from analysis.cli import console
    from analysis.cli.verbs import sniff as run

    if list_:
        return run.list_sniffers()
    if not source or not out:
        raise console.UsageError(
            "a source and -o FILE are needed", "hanscope sniff --list names the sniffers"
        )
    return run.run(
        source, out=out, channel=channel, page=page, seconds=seconds, frames=frames, ring_size=ring_size,
        ring_seconds=ring_seconds, ring_files=ring_files, baud=baud, speed=speed, seed=seed, quiet=quiet,
    )  # fmt: skip


@verb(
    "convert",
    "hanscope convert han.pcapng.zst han.pcap --link-type 195",
    "hanscope convert han.pcapng part.pcapng --frames 100-200,950",
    "hanscope convert han.pcapng meter.pcapng --device gas-meter --from 12:00 --to 12:30",
)
def convert(
    capture: CaptureArgument,
    out: Annotated[str, Argument(metavar="OUT", help="Where to: .pcapng or .pcap, or - for stdout.")],
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    format_: Annotated[str | None, Option("--format", "-f", help="pcapng or pcap.")] = None,
    link_type: Annotated[int | None, Option("--link-type", help="283 (TAP), 195 or 230.")] = None,
    frames: Annotated[str | None, Option("--frames", help="Only these: 1-100,250,900-.")] = None,
    message: Annotated[
        str, Option("--message", metavar="NUMBERS", help="Only the frames of these messages: 13, 13-15.")
    ] = "",
    exchange: Annotated[
        str, Option("--exchange", metavar="NUMBERS", help="Only the frames of these exchanges: 7, 7-9.")
    ] = "",
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """A capture written anew, with comments and names; keys only with --reveal (pcapng)."""
    from analysis.cli.verbs import convert as run

    return run.run(
        capture,
        keyring(keys),
        out=out,
        format_=format_,
        link_type=link_type,
        frames=frames,
        reveal=reveal,
        quiet=quiet,
        choice=run.of_messages(choice, message, exchange),
    )


@verb(
    "redact",
    "hanscope redact han.pcapng -o share.pcapng --keys keys.toml",
    (
        "hanscope redact han.pcapng -o share.pcapng --keys keys.toml --keys-out share-keys.toml "
        "--salt 'our case 7'"
    ),
)
def redact(
    captures: CapturesArgument,
    out: Annotated[str, Option("--out", "-o", help="Where to, pcapng; - for stdout.")] = "",
    keys: KeysOption = None,
    choice: ChoiceOptions = EVERYTHING,
    salt: Annotated[
        str | None, Option("--salt", metavar="TEXT", help="Same salt, same pseudonyms; keep it secret.")
    ] = None,
    keys_out: Annotated[
        Path | None, Option("--keys-out", help="keys.toml that opens the redacted capture.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """A capture safe to share: pseudonyms for addresses, no readings, no keys, frames that still verify."""
    from analysis.cli import console
    from analysis.cli.verbs import redact as run

    if not out:
        raise console.UsageError("where should the capture go?", "name a file with -o")
    return run.run(captures, keyring(keys), out=out, salt=salt, keys_out=keys_out, quiet=quiet, choice=choice)


@verb(
    "install-extcap", "hanscope install-extcap", "hanscope install-extcap --folder ~/.config/wireshark/extcap"
)
def install_extcap(
    folder: Annotated[Path | None, Option("--folder", help="Wireshark's extcap folder.")] = None,
) -> int:
    """Offer every sniffer and the simulated HAN as interfaces in Wireshark."""
    from analysis.cli.verbs import sniff as run

    return run.install_extcap(folder)


@verb(
    "wireshark",
    "hanscope wireshark han.pcapng --keys keys.toml -o shown.pcapng",
    "hanscope wireshark han.pcapng --keys keys.toml --open --frame 1380",
)
def wireshark(
    capture: CaptureArgument,
    keys: KeysOption = None,
    out: Annotated[
        str, Option("--out", "-o", help="The copy, pcapng; CAPTURE-hanscope.pcapng by default.")
    ] = "",
    profile: Annotated[str | None, Option("--profile", help="Profile of rules: its name or file.")] = None,
    open_: Annotated[bool, Option("--open", help="Open the copy in Wireshark.")] = False,
    frame: Annotated[int | None, Option("--frame", min=1, help="... at this frame.")] = None,
    where: WhereOption = None,
    reveal: Annotated[
        bool, Option("--reveal", help="Hand the keys over, so that Wireshark decrypts itself.")
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """A copy in which Wireshark shows what hanscope knows: summaries, GBCS to the last value, findings, exchanges.

    Once before: hanscope install-wireshark. Filters are then as hanscope.gbcs.use_case == "ECS17b" or
    hanscope.finding.severity; opened octets have tabs of their own. --where says which display filter is the same as a
    filter of hanscope's, and --open opens with it; the copy has all frames.
    """
    from analysis.cli.verbs import wireshark as run

    return run.run(
        capture,
        keyring(keys),
        out=out,
        profile=profile,
        open_=open_,
        frame=frame,
        where=where,
        reveal=reveal,
        quiet=quiet,
    )


@verb("install-wireshark", "hanscope install-wireshark", "hanscope install-wireshark --to /tmp/wireshark")
def install_wireshark(
    to: Annotated[
        Path | None, Option("--to", help="Folder; Wireshark's own of this person by default.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """Give Wireshark the script, and a profile with columns, colours and filter buttons."""
    from analysis.cli.verbs import wireshark as run

    return run.install(to=to, quiet=quiet)
