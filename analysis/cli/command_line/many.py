"""The verbs about many homes: what each takes, and which function does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from analysis.cli.command_line.options import Argument, JsonOption, Option, ProfileOption, QuietOption
from analysis.cli.command_line.registry import GROUPS, verb

GROUPS["fleet"] = "Many captures of many homes, on one machine or a cluster, from and to any URL."

SourcesArgument = Annotated[
    list[str],
    Argument(metavar="SOURCE...", help="Captures, folders, patterns with *: paths or URLs (s3://...)."),
]
StoreArgument = Annotated[str, Argument(metavar="STORE", help="Path or URL of the store.")]
SchedulerOption = Annotated[
    str,
    Option(
        "--scheduler",
        metavar="WHERE",
        help="local, none, or the address of a dask scheduler (tcp://host:port).",
    ),
]
WorkersOption = Annotated[
    int | None, Option("--workers", min=1, help="Processes of this machine; one a processor by default.")
]


@verb(
    "fleet decode",
    "hanscope fleet decode captures/ --out store --site '{date}/{site}/*.pcapng' --keys-from 'keys/{site}.toml'",
    "hanscope fleet decode s3://han/raw --out s3://han/store --scheduler tcp://scheduler:8786",
)
def fleet_decode(
    sources: SourcesArgument,
    out: Annotated[str, Option("--out", "-o", metavar="STORE", help="Path or URL of the store.")],
    scheduler: SchedulerOption = "local",
    workers: WorkersOption = None,
    site: Annotated[
        str | None,
        Option(
            "--site",
            help="Where site, date and hub stand in a path ({date}/{site}/*.pcapng), or a CSV of homes.",
        ),
    ] = None,
    keys_from: Annotated[
        str | None,
        Option("--keys-from", metavar="URL", help="keys.toml of all, or one a home: keys/{site}.toml."),
    ] = None,
    profile: ProfileOption = None,
    reports: Annotated[
        bool, Option("--reports", help="Write a page for each capture with a warning or worse.")
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """Decode and check captures into a store. What it holds already, unchanged, is not read again."""
    from analysis.cli.verbs import fleet as run

    return run.decode(
        sources,
        out,
        scheduler=scheduler,
        workers=workers,
        site=site,
        keys_from=keys_from,
        profile=profile,
        reports=reports,
        quiet=quiet,
    )


@verb("fleet check", "hanscope fleet check store", "hanscope fleet check s3://han/store --json")
def fleet_check(
    store: StoreArgument,
    fail_on: Annotated[
        str | None,
        Option(
            "--fail-on", metavar="SEVERITY", help="Exit 1 for cases as grave: info, warning, error, critical."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """What only many homes can tell: one cause at many sites, one radio at two, and which sites to visit first."""
    from analysis.cli.verbs import fleet as run

    return run.check(store, fail_on=fail_on, as_json=as_json)


@verb(
    "fleet report",
    "hanscope fleet report store -o fleet.html",
    "hanscope fleet report s3://han/store -o fleet.html",
)
def fleet_report(
    store: StoreArgument,
    out: Annotated[Path, Option("--out", "-o", help="The HTML file.")] = Path("fleet.html"),
    quiet: QuietOption = False,
) -> int:
    """One HTML file about all homes: cases, worst sites, incidents by model and firmware, days."""
    from analysis.cli.verbs import fleet as run

    return run.report(store, out, quiet=quiet)


@verb(
    "fleet sql",
    "hanscope fleet sql 'SELECT site, count(*) FROM findings GROUP BY site' store",
    "hanscope fleet sql 'SELECT * FROM captures' store --format csv",
)
def fleet_sql(
    query: Annotated[
        str, Argument(metavar="QUERY", help="SQL (DuckDB); the tables are views, captures too.")
    ],
    store: StoreArgument,
    format_: Annotated[str, Option("--format", "-f", help="text, csv, jsonl.")] = "text",
) -> int:
    """Ask a store a question in SQL."""
    from analysis.cli.verbs import fleet as run

    return run.sql(query, store, format_)


@verb(
    "fleet simulate",
    "hanscope fleet simulate 40 --out homes --cause interference --reveal",
    "hanscope fleet simulate 500 --out s3://han/homes --days 7 --reveal",
)
def fleet_simulate(
    number: Annotated[int, Argument(metavar="N", help="How many homes.")],
    out: Annotated[
        str, Option("--out", "-o", metavar="URL", help="Folder for captures, sites.csv, truth.jsonl.")
    ],
    seed: Annotated[int, Option("--seed", help="The same seed gives the same homes.")] = 1,
    days: Annotated[int, Option("--days", min=1, help="Captures of each home.")] = 1,
    seconds: Annotated[float | None, Option("--seconds", min=1, help="Length of each capture.")] = None,
    cause: Annotated[
        list[str] | None, Option("--cause", help="What many homes have in common; may be repeated.")
    ] = None,
    reveal: Annotated[bool, Option("--reveal", help="Write the homes' keys, too: keys/SITE.toml.")] = False,
    scheduler: SchedulerOption = "local",
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> int:
    """Make many different homes: makers, firmware, suppliers and faults drawn from a stated distribution."""
    from analysis.cli.verbs import fleet as run

    return run.simulate(
        number,
        out,
        seed=seed,
        days=days,
        seconds=seconds,
        causes=cause or (),
        keys=reveal,
        scheduler=scheduler,
        workers=workers,
        quiet=quiet,
    )


@verb("fleet compact", "hanscope fleet compact store", "hanscope fleet compact s3://han/store -q")
def fleet_compact(store: StoreArgument, quiet: QuietOption = False) -> int:
    """Join the small files of each day, site and hub."""
    from analysis.cli.verbs import fleet as run

    return run.compact(store, quiet=quiet)


@verb(
    "fleet prune",
    "hanscope fleet prune store --before 2026-01-01",
    "hanscope fleet prune s3://han/store --before 2025-06-01 -q",
)
def fleet_prune(
    store: StoreArgument,
    before: Annotated[str, Option("--before", metavar="DAY", help="The first day that is kept: 2026-01-31.")],
    quiet: QuietOption = False,
) -> int:
    """Forget the days before a day."""
    from analysis.cli.verbs import fleet as run

    return run.prune(store, before, quiet=quiet)
