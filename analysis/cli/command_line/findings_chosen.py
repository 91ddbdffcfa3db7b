"""Checking a capture whose findings are wanted in part: all rules see all of it, and what they say is filtered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.cli.command_line.choosing import ChoiceOptions
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.source import ReopenableSource
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.engine.checking import Checked
    from analysis.findings.model import Finding

__all__ = ["chosen_findings"]


def chosen_findings(
    source: str | ReopenableSource, keyring: Keyring, choice: ChoiceOptions, **settings: Any
) -> Checked:
    """A checked capture with the findings that are chosen: by what they say, by the frames that show them (plain names of
    either), by the message or device that they are about.

    Args:
        source: its path, or where it is open already: there it stays so.
        settings: as `analysis.engine.checking.check_capture` takes them.
    """
    from analysis.engine.checking import check_capture

    if not choice:
        with _open(source) as replay:
            return check_capture(replay, keyring, **settings)
    from analysis.findings.chosen import only
    from analysis.findings.findings_output import findings_batch
    from analysis.views.filtered import LookingSink

    with _open(source) as replay:
        chosen = choice.filter(replay, keyring, "findings", also="packets")
        assert chosen is not None
        sinks = [LookingSink(chosen)]
        if settings.get("watcher") is not None:
            settings["watcher"] = _watching_in_part(settings["watcher"], choice, replay, keyring)
        checked = check_capture(replay, keyring, sinks=[*settings.pop("sinks", ()), *sinks], **settings)

    def wanted(findings: Sequence[Finding]) -> Sequence[bool]:
        return [bool(one) for one in chosen.mask(findings_batch(findings))]

    return replace(checked, result=only(checked.result, wanted))


def _open(source: str | ReopenableSource) -> AbstractContextManager[ReopenableSource]:
    return opened(source) if isinstance(source, str) else nullcontext(source)


def _watching_in_part(watcher: Any, choice: ChoiceOptions, replay: ReopenableSource, keyring: Keyring) -> Any:
    """Who watches the windows, made so that only the chosen frames of each are counted."""
    from analysis.pipeline.runner import run_passes
    from analysis.views.filtered import LookingSink

    chosen = choice.of_frames().filter(replay, keyring)
    if chosen is None:
        return watcher
    if chosen.tables:  # what it asks of them is to be known at the first window
        run_passes(replay, keyring, LookingSink(chosen))
    return partial(watcher, chosen.mask)
