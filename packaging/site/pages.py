"""The pages of the site: what lies in docs/, and what is made from the tables and from the command itself.

``python packaging/site/pages.py build/site-pages``
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from inspect import Parameter, getdoc
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SAMPLE = "captures/samples/gbcs-messages"
KEYS = ["--keys", f"{SAMPLE}.keys.toml"]
SHOWN = 24
"""Lines of a command's output."""
RUN = {
    "decode": ["decode", f"{SAMPLE}.pcapng", *KEYS, "--table", "messages", "--format", "jsonl", "-q"],
    "show": ["show", f"{SAMPLE}.pcapng", "66", *KEYS],
    "keys": ["keys", f"{SAMPLE}.pcapng", *KEYS],
    "stats": ["stats", f"{SAMPLE}.pcapng", *KEYS, "--most", "3"],
    "check": ["check", f"{SAMPLE}.pcapng", *KEYS],
    "fields": ["fields", "use_case"],
    "diff": ["diff", f"{SAMPLE}.pcapng", "captures/samples/install-day.pcapng", *KEYS],
    "simulate": ["simulate", "--list"],
    "follow": ["follow", f"{SAMPLE}.pcapng", *KEYS, "--message", "2"],
    "why": ["why", "captures/samples/install-day.pcapng", "--keys", "captures/samples/install-day.keys.toml"],
}
"""What is shown of verbs that need nothing but a sample."""
ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!rules|decisions|first_hour)[^)]*\)")
"""Links to files of the repository, which are no pages of the site."""
API = (
    *("captured.Capture", "several.Captures", "judged.Findings", "seen.FoundFrame", "seen.FoundMessage"),
    *("keys.Keys", "simulated.Simulation", "several.open_captures", "seen.message", "simulated.simulate"),
)
HUBS = {
    "how_to.md": (
        "How to",
        "captures filters configuration dlms wireshark fleet waivers simulating scapy writing_rules plug_ins "
        "adding_things",
    ),
    "reference.md": ("Reference", "verbs columns rules use_cases alert_codes clusters faults python"),
    "about.md": (
        "About",
        "architecture reliability performance comparison features fault_matrix real_capture_findings traffic_inference",
    ),
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A Markdown table."""
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield (
            "| "
            + " | ".join(str(cell if cell is not None else "").replace("|", "\\|") for cell in row)
            + " |"
        )


def verbs() -> Iterator[str]:
    """Every verb: what it does, takes, and says."""
    from analysis.cli import program  # noqa: F401 - registers the verbs
    from analysis.cli.command_line.arguments import taken
    from analysis.cli.command_line.options import Argument
    from analysis.cli.command_line.registry import VERBS

    yield "# Verbs\n\nData on stdout, talk on stderr; `hanscope VERB --help` says the same."
    for name, one in VERBS.items():
        yield f"\n## {name}\n\n{getdoc(one.function)}\n\n```"
        yield from one.examples
        yield "```\n"
        rows = []
        for each in taken(one.function):
            declared = each.declared
            what = (
                declared.metavar or each.name if isinstance(declared, Argument) else ", ".join(declared.names)
            )
            default = "" if each.default in (None, False, "", Parameter.empty) else f"{each.default}"
            rows.append((f"`{what}`", declared.help, default))
        yield from table(("takes", "meaning", "default"), rows)
        if name in RUN:
            yield from output(RUN[name])


def output(words: Sequence[str]) -> Iterator[str]:
    """A command and what it prints, cut where it is long."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"hanscope {' '.join(words)}: {done.stderr}")
    lines = done.stdout.splitlines()
    yield f"\n```console\n$ hanscope {' '.join(words)}"
    yield from (line[:160] for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"... ({len(lines) - SHOWN:,} more lines)"
    yield "```"


def use_cases() -> Iterator[str]:
    """Every GBCS use case."""
    from dissectors.gbcs import use_cases as known

    yield "# GBCS use cases\n\nEvery use case that is named, by its message code."
    rows = [
        (f"0x{code:04x}", f"`{one.use_case}`", one.title, one.payload_kind, one.roles, one.service_reference)
        for code, one in sorted(known().items())
    ]
    yield from table(("code", "use case", "title", "payload", "who may send it", "service"), rows)


def alerts() -> Iterator[str]:
    """Every GBCS alert code."""
    from dissectors.gbcs import alert_codes

    yield "# GBCS alert codes\n\nEvery code, what it is about, and what to look at."
    rows = [
        (f"0x{code:04x}", one.name, one.about, one.severity, one.devices, one.log, one.check)
        for code, one in sorted(alert_codes().items())
    ]
    yield from table(("code", "alert", "about", "severity", "devices", "log", "check"), rows)


def clusters() -> Iterator[str]:
    """Every ZCL cluster with its commands and attributes."""
    from dissectors.zcl import catalogue

    yield "# ZCL clusters\n\nEvery cluster that is read, with its commands and attributes."
    for one in catalogue.clusters():
        commands, attributes = catalogue.commands_of(one.id), catalogue.attributes_of(one.id)
        yield f"\n## 0x{one.id:04x} {one.name}\n"
        if commands:
            yield from table(
                ("command", "direction", "name", "fields"),
                [
                    (
                        f"0x{each.id:02x}",
                        each.direction,
                        each.name,
                        ", ".join(field.name for field in each.fields),
                    )
                    for each in commands
                ],
            )
            yield ""
        if attributes:
            yield from table(
                ("attribute", "side", "name", "type"),
                [(f"0x{each.id:04x}", each.side, each.name, each.type) for each in attributes],
            )


def python() -> Iterator[str]:
    """The Python interface, from its docstrings."""
    yield "# Python\n\n`import hanscope as hs`"
    for name in API:
        yield f"\n::: analysis.api.{name}"
    yield "\n::: analysis.fleet.opened.Fleet"


def hub(title: str, names: str) -> Iterator[str]:
    """A page that leads to others, each with its first sentence."""
    yield f"# {title}\n"
    for name in names.split():
        yield f"- [{name.replace('_', ' ')}]({name}.md)"


WRITTEN = {
    "verbs.md": verbs, "use_cases.md": use_cases, "alert_codes.md": alerts, "clusters.md": clusters, "python.md": python,
}  # fmt: skip


def main(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    (target / "README.md").unlink()
    readme = (ROOT / "README.md").read_text("utf-8")
    (target / "index.md").write_text(re.sub(r"\]\((?:\./)?docs/", "](", readme), "utf-8")
    for name, page in WRITTEN.items():
        (target / name).write_text("\n".join(page()) + "\n", "utf-8")
    for name, (title, names) in HUBS.items():
        (target / name).write_text("\n".join(hub(title, names)) + "\n", "utf-8")
    for path in target.rglob("*.md"):
        path.write_text(ELSEWHERE.sub(r"`\1`", path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(Path(sys.argv[1]))
