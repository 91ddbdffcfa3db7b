"""What the API answers that takes its time: findings, why a device does not work, and the report."""

from __future__ import annotations

from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pyarrow as pa

from analysis.diagnosis import diagnose
from analysis.findings.findings_output import findings_batch
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest, NotYet
from analysis.web.judging import compared, diagnosed, judged, reported
from captures import CaptureError

__all__ = ["diff", "findings", "findings_table", "report", "why"]

Given = dict[str, Any]
PATIENCE = 0.3
"""Seconds that an answer waits for what is nearly known."""


def _known(held: CapturesHeld, capture: str | None, patience: float, what: Any, *more: Any) -> Any:
    """What came of it; None where that is not known yet. Raises BadRequest: nothing can come of it."""
    opened = held.opened(capture)
    if opened.state == "failed":
        raise BadRequest(opened.trouble, 409)
    if opened.state != "ready":
        return None
    try:
        return held.judged(capture, what, *more).result(patience)
    except TimeoutError:
        return None
    except (CaptureError, OSError) as error:
        raise BadRequest(str(error), 409) from None
    except (BrokenProcessPool, CancelledError):
        raise BadRequest("judging the capture broke off", 409, hint="ask again") from None


def findings(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Findings and incidents as `hanscope check --json` has them; `state` says whether the rules are done."""
    opened = held.opened(given["capture"])
    standing = opened.judged()
    if standing is not None:  # they stand until later frames clear them
        told = [one.to_json() for one in standing]
        return {"schema": 1, "state": opened.state, "source": opened.name, "findings": told, "incidents": []}
    found = _known(held, given["capture"], PATIENCE, judged)
    if found is None:
        return {"schema": 1, "state": "running", "findings": [], "incidents": []}
    return {**found[0], "source": opened.name, "state": "ready"}


def findings_table(held: CapturesHeld, capture: str | None) -> Any:
    """The table of findings in Arrow, for filters that ask for it. Raises BadRequest: the rules are not done."""
    standing = held.opened(capture).judged()
    if standing is not None:
        return findings_batch(standing)
    found = _known(held, capture, 20, judged)
    if found is None:
        raise NotYet("the rules are still running: findings are not known yet")
    return pa.ipc.open_stream(found[1]).read_all().combine_chunks().to_batches()[0]


def why(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """The steps of every device, as `hanscope why --json` has them; of a live source, of the frames that are kept."""
    opened = held.opened(given["capture"])
    if opened.judged() is not None:
        blocks = opened.source
        if not blocks:
            return {"schema": 1, "state": "running", "devices": []}
        found = diagnose(blocks, opened.keys_known(), profile=held.judge.profile).to_json()
        return {**found, "source": opened.name, "state": opened.state}
    found = _known(held, given["capture"], PATIENCE, diagnosed)
    if found is None:
        return {"schema": 1, "state": "running", "devices": []}
    return {**found, "source": opened.name, "state": "ready"}


def report(held: CapturesHeld, given: Given) -> str:
    """The page that `hanscope report` writes. Raises NotYet: it is being written."""
    opened = held.opened(given["capture"])
    found = _known(held, given["capture"], PATIENCE, reported, opened.name)
    if found is None:
        raise NotYet("the report is being written: ask again", 202)
    page: str = found
    return page


def diff(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Where a capture parts from a good one, as `hanscope diff --json` has it."""
    good, faulty = held.called(given["capture"]), held.called(given["with"])
    for one in (good, faulty):
        if one.path is None:
            raise BadRequest("a source that still speaks cannot be compared: export it first", 409)
    found = _known(held, given["capture"], PATIENCE, compared, faulty.path)
    if found is None:
        return {"schema": 1, "state": "running", "divergences": []}
    return {**found, "good": good.name, "faulty": faulty.name, "state": "ready"}
