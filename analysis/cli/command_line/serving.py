"""The verbs that go on until somebody ends them: what each takes, and which function does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.live_source import LiveOptions
from analysis.cli.command_line.options import (
    Argument,
    ChannelOption,
    KeysOption,
    LiveOption,
    Option,
    ProfileOption,
    QuietOption,
    RecordOption,
    SpeedOption,
    keyring,
)
from analysis.cli.command_line.registry import verb


@verb(
    "watch",
    "hanscope watch nrf:/dev/ttyACM0 --channel 20 --record today.pcapng",
    "hanscope watch simulate:install-day --speed 10 --join 'gas meter'",
    "hanscope watch - --on-finding 'jq -r .title | wall' --webhook https://example.org/alerts",
    "hanscope watch growing.pcapng --keys keys.toml --jsonl | jq 'select(.event == \"finding\")'",
)
def watch(
    source: Annotated[
        str,
        Argument(
            metavar="SOURCE",
            help="A file that grows, a FIFO, -, a sniffer (sniff --list), simulate:SCENARIO.",
            complete="source",
        ),
    ],
    keys: KeysOption = None,
    as_jsonl: Annotated[bool, Option("--jsonl", help="One JSON object an event.")] = False,
    join: Annotated[
        str | None,
        Option("--join", metavar="NAME", help="Follow the steps of this device: name, role or address."),
    ] = None,
    no_findings: Annotated[bool, Option("--no-findings", help="Do not run the rules.")] = False,
    profile: ProfileOption = None,
    channel: ChannelOption = 11,
    speed: Annotated[
        float, Option("--speed", min=0, help="Of a simulation: seconds of it a second; 0 for all.")
    ] = 1.0,
    seed: Annotated[int, Option("--seed", help="Of a simulation.")] = 1,
    seconds: Annotated[float | None, Option("--seconds", min=0, help="Stop after so long.")] = None,
    frames: Annotated[
        int | None, Option("--frames", min=1, help="Stop after so many frames, or a few more.")
    ] = None,
    record: Annotated[
        Path | None,
        Option("--record", metavar="FILE", help="Record what a sniffer hears; nothing shown holds it up."),
    ] = None,
    on_finding: Annotated[
        str | None,
        Option("--on-finding", metavar="CMD", help="Run this for each finding: JSON on its standard input."),
    ] = None,
    webhook: Annotated[
        str | None, Option("--webhook", metavar="URL", help="Send each finding there: a POST with JSON.")
    ] = None,
    mqtt: Annotated[
        str | None,
        Option(
            "--mqtt", metavar="URL", help="Publish findings: mqtt[s]://USER@HOST:PORT/TOPIC (extra mqtt)."
        ),
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """A network while it speaks: devices, exchanges, messages, findings as they come, raised and withdrawn."""
    from analysis.cli.verbs import watch as run

    return run.run(
        source, keyring(keys), jsonl=as_jsonl, findings=not no_findings, join=join, profile=profile, channel=channel,
        speed=speed, seed=seed, seconds=seconds, frames=frames, record=record, quiet=quiet,
        ways=run.ways(on_finding, webhook, mqtt, findings=not no_findings),
    )  # fmt: skip


@verb(
    "web",
    "hanscope web han.pcapng --keys keys.toml --open",
    "hanscope web captures/ --port 8765",
    "hanscope web simulate:install-day --speed 10 --open",
)
def web(
    source: Annotated[
        str | None,
        Argument(
            metavar="CAPTURE|FOLDER|SOURCE",
            help="What to offer; captures can be dropped on the page.",
            complete="source",
        ),
    ] = None,
    keys: KeysOption = None,
    host: Annotated[
        str, Option("--host", help="Address to listen at; other machines can reach any but this one.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Option("--port", min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = 0,
    name: Annotated[
        list[str] | None, Option("--name", help="Host name that it answers to besides (may be repeated).")
    ] = None,
    profile: ProfileOption = None,
    live: LiveOption = False,
    channel: ChannelOption = 11,
    speed: SpeedOption = 1.0,
    record: RecordOption = None,
    open_browser: Annotated[bool, Option("--open", help="Open the browser.")] = False,
    quiet: QuietOption = False,
) -> int:
    """Captures in the browser, and an API for programs: prints its URL. No key is sent to any page."""
    from analysis.cli.verbs import web as run

    return run.run(
        source, keys, host=host, port=port, names=name or [], profile=profile,
        live=LiveOptions(live, channel, speed, record), open_browser=open_browser,
        quiet=quiet,
    )  # fmt: skip


@verb("mcp", "hanscope mcp han.pcapng --keys keys.toml", "hanscope mcp captures/")
def mcp(
    source: Annotated[str, Argument(metavar="CAPTURE|FOLDER", help="What may be asked about.")],
    keys: KeysOption = None,
    profile: ProfileOption = None,
) -> int:
    """Captures for assistants: the API of `web` as tools of the Model Context Protocol, on stdin and stdout."""
    from analysis.cli.verbs import mcp as run

    return run.run(source, keys, profile=profile)
