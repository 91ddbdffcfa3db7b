"""The command line: parses arguments, calls one function a verb, and turns what it says into an exit code.

Strategy: `hanscope --help` must answer at once, so nothing but Typer is imported here; each verb
imports what it needs when it runs.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["app", "main"]

app = typer.Typer(
    name="hanscope",
    help="Packet dissector and traffic analyser for GB smart metering. Data on stdout, talk on stderr.\n\n"
    "Exit codes: 0 ok; 1 findings at or above --fail-on; 2 usage; 3 input unreadable; "
    "4 partly decoded under --strict; 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEBUG = {"on": False}
DEMO_FOLDER = Path("hanscope-demo")

CaptureArgument = Annotated[str, typer.Argument(metavar="CAPTURE", help="Capture file, or - for stdin.")]
CapturesArgument = Annotated[list[str], typer.Argument(metavar="CAPTURE...", help="Capture files, or -.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", metavar="FILE", help="keys.toml; else what HANSCOPE_KEYS names.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
RevealOption = Annotated[bool, typer.Option("--reveal", help="Show keys; they are hidden otherwise.")]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no notes.")]
FailOption = Annotated[
    str | None,
    typer.Option(
        "--fail-on", metavar="SEVERITY", help="Exit 1 for findings as grave: info, warning, error, critical."
    ),
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile of rules: its name or file.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many frames.")]


def verb(name: str, *examples: str) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Registers a function as a verb: its exit code is what it returns, its errors become one line."""

    def register(function: Callable[..., int]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            raise typer.Exit(guarded(function, *args, **kwargs))

        run.__annotations__ = {**function.__annotations__, "return": None}
        text = (
            (function.__doc__ or "").strip() + "\n\n\b\nExamples:\n" + "\n".join(f"  {e}" for e in examples)
        )
        app.command(name, help=text)(run)
        return run

    return register


def guarded(function: Callable[..., int], *args: Any, **kwargs: Any) -> int:
    """Call `function`; what goes wrong becomes a line on stderr and an exit code."""
    from analysis import console

    if DEBUG["on"]:
        return function(*args, **kwargs)
    try:
        code = function(*args, **kwargs)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        console.say("interrupted")
        return console.INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return console.OK
    except Exception as error:
        return _explained(error)


def _explained(error: Exception) -> int:
    from analysis import console
    from analysis.keyfile import KeyFileError
    from captures import CaptureError

    if isinstance(error, console.UsageError):
        console.error_line(str(error), error.hint)
        return console.USAGE
    if isinstance(error, CaptureError):
        console.error_line(f"{error.path}: offset 0x{error.offset:x}: {error.text}", error.hint)
        return console.UNREADABLE
    if isinstance(error, KeyFileError):
        console.error_line(str(error), error.hint)
        return console.UNREADABLE
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        console.error_line(f"{place}{error.strerror or error}")
        return console.UNREADABLE
    if isinstance(error, MemoryError):
        console.error_line("not enough memory", "hanscope decode --out DIR needs no more than a block")
        return console.UNREADABLE
    console.error_line(
        f"internal: {type(error).__name__} (a mistake of hanscope, not of the input)",
        "hanscope --debug VERB ... shows where; please report it with the command",
    )
    return console.UNREADABLE


def _drop_stdout() -> None:
    # Python flushes stdout once more when it exits: let that go nowhere instead of into the closed pipe.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _keyring(path: Path | None) -> Any:
    from analysis import console
    from analysis.keyfile import ENVIRONMENT, loose_mode, read_keys

    ring = read_keys(path)
    used = path or os.environ.get(ENVIRONMENT)
    warning = loose_mode(used) if used else None
    if warning:
        console.say(f"warning: {warning}")
    return ring


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib import metadata

    try:
        number = metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        number = "unknown (not installed)"
    sys.stdout.write(f"hanscope {number}, tables schema 1, JSON schema 1, Python {sys.version.split()[0]}\n")
    raise typer.Exit(0)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of the command as a whole."""
    DEBUG["on"] = debug
    # OpenBLAS starts threads that nothing here needs; they cost a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@verb("demo", "hanscope demo", "hanscope demo --out my-first-han")
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what is written.")] = Path(
        "hanscope-demo"
    ),
    quiet: QuietOption = False,
) -> int:
    """Make a small home area network, capture it, decode it, check it, report on it: no input needed."""
    from analysis.verbs import demo as run

    return run.run(out, quiet=quiet)


@verb(
    "decode",
    "hanscope decode han.pcapng --keys keys.toml --out tables",
    "hanscope decode han.pcapng --table attributes --format jsonl | head",
)
def decode(
    captures: CapturesArgument,
    keys: KeysOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the tables.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", "-f", help="parquet, csv, jsonl or arrow.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table (may be repeated).")
    ] = None,
    limit: LimitOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 when a frame stayed shut or the capture is damaged.")
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """Captures to tables: packets, attributes, commands, messages, items, devices, keys.

    With --out each table becomes a file (Parquet unless --format says else), complete or not there at all;
    several captures get a folder each. Without, one table goes to stdout (packets as CSV unless told else).
    """
    from analysis.verbs import decode as run

    return run.run(
        captures,
        _keyring(keys),
        out=out,
        format_=format_,
        tables=table or (),
        limit=limit,
        strict=strict,
        quiet=quiet,
    )


@verb("show", "hanscope show han.pcapng 151 --keys keys.toml", "hanscope show han.pcapng 7,151-153 --json")
def show(
    capture: CaptureArgument,
    frame: Annotated[str, typer.Argument(metavar="FRAME", help="Frame numbers: 151, 151-153, 7,151.")],
    keys: KeysOption = None,
    as_json: JsonOption = False,
    reveal: RevealOption = False,
) -> int:
    """One frame as a tree with its octets, layer by layer, decrypted parts too."""
    from analysis.verbs import show as run

    return run.run(capture, frame, _keyring(keys), as_json=as_json, reveal=reveal)


@verb(
    "message",
    "hanscope message DD00000000000062... --keys keys.toml",
    "hanscope message replies/ --jsonl",
)
def message(
    inputs: Annotated[
        list[str], typer.Argument(metavar="MESSAGE...", help="Hex, base64, files, folders, or - for stdin.")
    ],
    keys: KeysOption = None,
    kind: Annotated[str, typer.Option("--kind", help="gbcs, dlms, frame or auto.")] = "auto",
    version: Annotated[str | None, typer.Option("--gbcs", help="Version of GBCS to hold it against.")] = None,
    as_json: JsonOption = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="One object a message.")] = False,
    reveal: RevealOption = False,
) -> int:
    """One or many messages without a capture: GBCS, DLMS, or a radio frame, down to the last value."""
    from analysis import console, messages

    if kind not in ("auto", "gbcs", "dlms", "frame"):
        raise console.UsageError(f"unknown kind {kind!r}", "gbcs, dlms, frame or auto")
    return messages.run(
        inputs,
        _keyring(keys),
        kind=kind,
        as_json=as_json,
        jsonl=as_jsonl,
        version=version,
        reveal=reveal,
    )


@verb("keys", "hanscope keys han.pcapng --keys keys.toml", "hanscope keys han.pcapng --json")
def keys_verb(
    capture: CaptureArgument,
    keys: KeysOption = None,
    as_json: JsonOption = False,
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """Which keys are needed, held and learnt, which frames each opens, and why others stay shut."""
    from analysis.verbs import keys as run

    return run.run(capture, _keyring(keys), as_json=as_json, reveal=reveal, quiet=quiet)


@verb(
    "diff",
    "hanscope diff good.pcapng faulty.pcapng --keys keys.toml",
    "hanscope diff good.pcapng faulty.pcapng --json",
)
def diff(
    good: Annotated[str, typer.Argument(help="Capture of a unit that works.", show_default=False)],
    faulty: Annotated[str, typer.Argument(help="Capture of the unit in question.", show_default=False)],
    keys: KeysOption = None,
    faulty_keys: Annotated[
        Path | None,
        typer.Option("--faulty-keys", help="Key file of the second capture, when it has its own."),
    ] = None,
    as_json: JsonOption = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Rows of each list.")] = 15,
    quiet: QuietOption = False,
) -> int:
    """Two captures aligned: devices, joins, exchanges, timings; the first divergence is named."""
    from analysis.verbs import diff as run

    ours = _keyring(keys)
    theirs = _keyring(faulty_keys) if faulty_keys else _keyring(keys)
    return run.run(good, faulty, ours, theirs, as_json=as_json, most=most, quiet=quiet)


@verb("stats", "hanscope stats han.pcapng", "hanscope stats han.pcapng --keys keys.toml --json")
def stats(
    capture: CaptureArgument,
    keys: KeysOption = None,
    as_json: JsonOption = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Rows of each list.")] = 15,
    quiet: QuietOption = False,
) -> int:
    """Protocol hierarchy, conversations, endpoints, devices, rates."""
    from analysis.verbs import stats as run

    return run.run(capture, _keyring(keys), as_json=as_json, most=most, quiet=quiet)


@verb(
    "check", "hanscope check han.pcapng --keys keys.toml", "hanscope check *.pcapng --fail-on warning --jsonl"
)
def check(
    captures: Annotated[
        list[str] | None, typer.Argument(metavar="CAPTURE...", help="Capture files, or -.")
    ] = None,
    keys: KeysOption = None,
    profile: ProfileOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Only this rule (may be repeated).")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Capture of the same network in good health.")
    ] = None,
    fail_on: FailOption = None,
    as_json: JsonOption = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="One finding a line.")] = False,
    verdicts: Annotated[bool, typer.Option("--verdicts", help="Each rule's verdict.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="SARIF 2.1.0, for code scanning tools.")] = False,
    list_rules: Annotated[bool, typer.Option("--list-rules", help="List the rules instead.")] = False,
    explain: Annotated[str | None, typer.Option("--explain", help="Explain one rule instead.")] = None,
    quiet: QuietOption = False,
) -> int:
    """Findings: what is wrong, where, how bad, who says so, and what to do."""
    from analysis.verbs import check as run

    if list_rules:
        return run.list_rules(as_json=as_json)
    if explain is not None:
        return run.explain(explain)
    if not captures:
        from analysis import console

        raise console.UsageError("no capture given", "hanscope check han.pcapng, or --list-rules")
    return run.run(
        captures,
        _keyring(keys),
        profile=profile,
        rules=rule or (),
        baseline=baseline,
        fail_on=fail_on,
        output="sarif" if as_sarif else "json" if as_json else "jsonl" if as_jsonl else "text",
        verdicts=verdicts,
        quiet=quiet,
    )


@verb(
    "report",
    "hanscope report han.pcapng -o report.html",
    "hanscope report han.pcapng --keys keys.toml -o r.html",
)
def report(
    capture: CaptureArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("report.html"),
    keys: KeysOption = None,
    profile: ProfileOption = None,
    fail_on: FailOption = None,
    quiet: QuietOption = False,
) -> int:
    """One self-contained HTML file about a capture: no network needed to read it."""
    from analysis.verbs import report as run

    return run.run(capture, _keyring(keys), out=out, profile=profile, fail_on=fail_on, quiet=quiet)


@verb(
    "convert",
    "hanscope convert han.pcapng.zst han.pcap --link-type 195",
    "hanscope convert han.pcapng part.pcapng --frames 100-200,950",
)
def convert(
    capture: CaptureArgument,
    out: Annotated[str, typer.Argument(metavar="OUT", help="Where to: .pcapng or .pcap, or - for stdout.")],
    keys: KeysOption = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="pcapng or pcap.")] = None,
    link_type: Annotated[int | None, typer.Option("--link-type", help="283 (TAP), 195 or 230.")] = None,
    frames: Annotated[str | None, typer.Option("--frames", help="Only these: 1-100,250,900-.")] = None,
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """A capture written anew, with comments and names; keys only with --reveal (pcapng)."""
    from analysis.verbs import convert as run

    return run.run(
        capture,
        _keyring(keys),
        out=out,
        format_=format_,
        link_type=link_type,
        frames=frames,
        reveal=reveal,
        quiet=quiet,
    )


@verb(
    "inspect",
    "hanscope inspect han.pcapng --keys keys.toml",
    "hanscope inspect han.pcapng --where 'protocol == ZCL and summary contains Report'",
)
def inspect(
    capture: CaptureArgument,
    keys: KeysOption = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="Start with this filter.")
    ] = None,
    reveal: RevealOption = False,
) -> int:
    """The terminal inspector: packets, tree and octets, linked; ? in it shows its keys."""
    from analysis.verbs import inspect as run

    return run.run(capture, _keyring(keys), where=where, reveal=reveal)


@verb(
    "redact",
    "hanscope redact han.pcapng -o share.pcapng --keys keys.toml",
    (
        "hanscope redact han.pcapng -o share.pcapng --keys keys.toml --keys-out share-keys.toml "
        "--salt 'our case 7'"
    ),
)
def redact(
    capture: CaptureArgument,
    out: Annotated[str, typer.Option("--out", "-o", help="Where to, pcapng; - for stdout.")] = "",
    keys: KeysOption = None,
    salt: Annotated[
        str | None, typer.Option("--salt", metavar="TEXT", help="Same salt, same pseudonyms; keep it secret.")
    ] = None,
    keys_out: Annotated[
        Path | None, typer.Option("--keys-out", help="keys.toml that opens the redacted capture.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """A capture safe to share: pseudonyms for addresses, no readings, no keys, frames that still verify."""
    from analysis import console
    from analysis.verbs import redact as run

    if not out:
        raise console.UsageError("where should the capture go?", "name a file with -o")
    return run.run(capture, _keyring(keys), out=out, salt=salt, keys_out=keys_out, quiet=quiet)


@verb(
    "crosscheck",
    "hanscope crosscheck han.pcapng --keys keys.toml",
    "hanscope crosscheck han.pcapng --keys keys.toml --json",
)
def crosscheck(
    capture: CaptureArgument,
    keys: KeysOption = None,
    as_json: JsonOption = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Disagreements shown of each field.")] = 5,
    quiet: QuietOption = False,
) -> int:
    """The same capture through tshark with the same keys: per field, how often both agree, and where not."""
    from analysis.verbs import crosscheck as run

    return run.run(capture, _keyring(keys), as_json=as_json, most=most, quiet=quiet)


@verb(
    "simulate",
    "hanscope simulate install-day -o home.pcapng --truth truth.jsonl",
    "hanscope simulate ordinary-day -o day.pcapng --fault replay --fault weak-link --seed 7",
    "hanscope simulate proving-exercise -o gbcs.pcapng --use-cases all",
    "hanscope simulate --list",
)
def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="See --list.")] = "install-day",
    out: Annotated[str, typer.Option("--out", "-o", help="The capture, pcapng; - for stdout.")] = "",
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="A fault or attack (repeatable).")
    ] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="Ground truth as JSON lines.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same octets.")] = 1,
    seconds: Annotated[float | None, typer.Option("--seconds", min=1, help="How long, simulated.")] = None,
    strength: Annotated[float, typer.Option("--strength", min=0.05, help="How loud faults are.")] = 1.0,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="TOML file of parameters that replace the SMETS2 ones.")
    ] = None,
    keys_out: Annotated[
        Path | None, typer.Option("--keys-out", help="keys.toml with the simulated keys; needs --reveal.")
    ] = None,
    use_cases: Annotated[
        str | None, typer.Option("--use-cases", metavar="all|LIST", help="GBCS use cases to exercise.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List scenarios, faults, attacks.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The list as JSON.")] = False,
    reveal: RevealOption = False,
    quiet: QuietOption = False,
) -> int:
    """The simulated HAN: a home whose frames are real in every octet, with truth beside them."""
    from analysis import console
    from analysis.verbs import simulate as run

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
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="scheme:place; see --list.")] = "",
    out: Annotated[str, typer.Option("--out", "-o", help="The capture, pcapng; - for stdout.")] = "",
    channel: Annotated[int, typer.Option("--channel", min=0, max=255, help="11-26, or sub-GHz.")] = 11,
    page: Annotated[int, typer.Option("--page", min=0, max=31, help="0, or 28-31 for GB sub-GHz.")] = 0,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Stop after so long.")] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many.")] = None,
    ring_size: Annotated[
        float | None, typer.Option("--ring-size", metavar="MB", help="Next file at this size.")
    ] = None,
    ring_seconds: Annotated[
        float | None, typer.Option("--ring-seconds", help="Next file at this age.")
    ] = None,
    ring_files: Annotated[int | None, typer.Option("--ring-files", min=1, help="Keep so many.")] = None,
    baud: Annotated[int | None, typer.Option("--baud", help="Serial speed, where unusual.")] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Of the simulated HAN; 0: as fast as possible.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the simulated HAN.")] = 1,
    list_: Annotated[bool, typer.Option("--list", help="List the kinds of sniffers.")] = False,
    quiet: QuietOption = False,
) -> int:
    """Frames from the air into a capture; nothing heard is lost when the program is stopped or killed."""
    from analysis import console
    from analysis.verbs import sniff as run

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
    "install-extcap", "hanscope install-extcap", "hanscope install-extcap --folder ~/.config/wireshark/extcap"
)
def install_extcap(
    folder: Annotated[Path | None, typer.Option("--folder", help="Wireshark's extcap folder.")] = None,
) -> int:
    """Offer every sniffer and the simulated HAN as interfaces in Wireshark."""
    from analysis.verbs import sniff as run

    return run.install_extcap(folder)


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (``sys.argv`` without the name by default); returns the exit code."""
    try:
        app(args=argv, prog_name="hanscope")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
