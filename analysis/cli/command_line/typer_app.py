"""The command as Typer has it: help, completion, and what is wrong with a command line."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from inspect import Parameter, Signature, getdoc
from typing import Annotated, Any

import typer

from analysis.cli.command_line.arguments import Taken, gathered, taken
from analysis.cli.command_line.guard import guarded
from analysis.cli.command_line.options import Argument
from analysis.cli.command_line.registry import GROUPS, VERBS, Verb
from analysis.cli.console import UsageError

__all__ = ["typer_app"]

HELP = (
    "Packet dissector and traffic analyser for GB smart metering. Data on stdout, talk on stderr.\n\n"
    "Exit codes: 0 ok; 1 findings at or above --fail-on; 2 usage; 3 input unreadable; "
    "4 partly decoded under --strict; 130 interrupted."
)


def typer_app() -> typer.Typer:
    """All verbs as a Typer command."""
    app = typer.Typer(
        name="hanscope",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    settings = {"debug": False}

    @app.callback()
    def options(
        debug: Annotated[
            bool, typer.Option("--debug", help="Show the traceback of an internal error.")
        ] = False,
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
        ] = False,
    ) -> None:
        """Options of the command as a whole."""
        settings["debug"] = debug

    groups: dict[str, typer.Typer] = {}
    for name, one in VERBS.items():
        group, _, own = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True, rich_markup_mode=None)
            app.add_typer(groups[group], name=group)
        groups.get(group, app).command(own, help=_help(one))(_callback(one, settings))
    return app


def _help(verb: Verb) -> str:
    lines = "\n".join(f"  {example}" for example in verb.examples)
    return (getdoc(verb.function) or "") + "\n\n\b\nExamples:\n" + lines


def _callback(verb: Verb, settings: dict[str, bool]) -> Callable[..., None]:
    """A function that Typer can look at: with the verb's parameters, declared in Typer's words."""

    everything = taken(verb.function)

    def called(**arguments: Any) -> int:
        _refuse_nonsense(everything, arguments)
        return verb.function(**gathered(verb.function, arguments))

    def run(**arguments: Any) -> None:
        raise typer.Exit(guarded(called, arguments, debug=settings["debug"]))

    parameters = [_parameter(one) for one in everything]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _refuse_nonsense(everything: list[Taken], arguments: dict[str, Any]) -> None:
    """An argument without text (a shell's variable that is not set) names nothing, not the folder at hand; and no
    number is infinite."""
    for one in everything:
        given = arguments.get(one.name)
        names_input = isinstance(one.declared, Argument) and (one.many or one.default is Parameter.empty)
        if names_input and "" in (given if isinstance(given, list) else [given]):
            raise UsageError(f"{one.declared.metavar or one.name} is empty", "name a file, or - for stdin")
        if isinstance(given, float) and not math.isfinite(given):
            raise UsageError(f"--{one.name.replace('_', '-')}: {given} is no number of anything")


def _parameter(one: Taken) -> Parameter:
    declared: Any
    if isinstance(one.declared, Argument):
        told = one.declared._asdict()
        complete = _completer(told.pop("complete"))
        declared = typer.Argument(**told, autocompletion=complete)
    else:
        names, rest = one.declared.names, one.declared
        declared = typer.Option(
            *names, help=rest.help, metavar=rest.metavar, min=rest.min, max=rest.max,
            autocompletion=_completer(rest.complete),
        )  # fmt: skip
    annotated: Any = Annotated  # a type made at run time: nothing for mypy to read
    return Parameter(
        one.name,
        Parameter.POSITIONAL_OR_KEYWORD,
        default=one.default,
        annotation=annotated[one.hint, declared],
    )


def _completer(kind: str) -> Callable[..., list[str]] | None:
    """What offers values of a kind to a shell; None where nothing is to be offered."""
    if not kind:
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from analysis.cli.command_line.completing import completed

        return completed(
            kind, {**ctx.params, "words": [*(ctx.params.get("words") or ()), *ctx.args]}, incomplete
        )

    complete.__annotations__ = {"ctx": typer.Context, "incomplete": str}
    return complete


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
