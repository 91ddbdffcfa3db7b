"""`hanscope simulate`: a scenario of the simulated HAN into a capture, with its truth and its keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.places import refuse_overwriting

__all__ = ["list_all", "run"]


def list_all(*, as_json: bool = False) -> int:
    """Every scenario, fault and attack, with what it is."""
    from captures.simulated.faults import known
    from captures.simulated.scenarios import SCENARIOS

    if as_json:
        scenarios = [{"name": s.name, "summary": s.summary, "seconds": s.seconds} for s in SCENARIOS.values()]
        faults = [
            {"name": f.name, "kind": f.kind, "summary": f.summary, "attack": f.attack, "needs": list(f.needs)}
            for f in sorted(known().values(), key=lambda f: f.name)
        ]
        console.put_json({"schema": 1, "scenarios": scenarios, "faults": faults})
        return console.OK
    console.put("Scenarios:")
    for story in SCENARIOS.values():
        console.put(f"  {story.name:24} {story.summary} ({_length(story.seconds)})")
    for kind in ("fault", "attack"):
        console.put()
        console.put(f"{kind.capitalize()}s (--fault):")
        for one in sorted((f for f in known().values() if f.kind == kind), key=lambda f: f.name):
            console.put(f"  {one.name:24} {one.summary}{f' [{one.attack}]' if one.attack else ''}")
    return console.OK


def _length(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"


def run(
    scenario: str,
    *,
    out: str,
    faults: Sequence[str],
    truth: Path | None,
    seed: int,
    seconds: float | None,
    strength: float,
    profile: Path | None,
    keys_out: Path | None,
    reveal: bool,
    use_cases: str | None,
    quiet: bool,
) -> int:
    """Play a scenario; see `hanscope simulate --help` for what the arguments mean."""
    from captures.simulated.faults import known
    from captures.simulated.scenarios import SCENARIOS, simulate

    if scenario not in SCENARIOS:
        raise console.UsageError(f"no scenario {scenario!r}", "scenarios: " + ", ".join(SCENARIOS))
    unknown = [name for name in faults if name not in known()]
    if unknown:
        raise console.UsageError(f"no fault {unknown[0]!r}", "hanscope simulate --list names them all")
    if keys_out is not None and not reveal:
        raise console.UsageError("--keys-out writes keys in the clear", "add --reveal if you mean it")
    refuse_overwriting([profile], [out, truth, keys_out])
    settings: dict[str, Any] = {"seed": seed, "seconds": seconds, "faults": faults, "strength": strength}
    settings["profile"] = _profile(profile)
    if use_cases is not None:
        settings["use_cases"] = tuple(use_cases.split(","))
    try:
        han = simulate(scenario, **settings)
    except ValueError as error:
        raise console.UsageError(str(error)) from None
    count = _write(han, out, truth)
    if keys_out is not None:
        _write_keys(han, keys_out)
    if not quiet:
        _tell(han, count, out)
    return console.OK


def _profile(path: Path | None) -> Any:
    from captures.simulated.air.profile import profile as named

    if path is None:
        return None
    try:
        return named().with_text(path.read_text("utf-8"), path.name)
    except (KeyError, ValueError) as error:
        raise console.UsageError(
            f"{path}: {error!s}", "see captures/simulated/profiles/smets2.toml"
        ) from None


def _write(han: Any, out: str, truth: Path | None) -> int:
    from captures.simulated.scenarios.recording import write_han, write_truth

    if out != "-":
        return write_han(han, Path(out), truth)
    import sys

    count = write_han(han, sys.stdout.buffer)
    if truth is not None:
        write_truth(han, truth)
    return count


def _write_keys(han: Any, path: Path) -> None:
    """Readable for the owner only: `hanscope` itself would warn otherwise."""
    from captures.simulated.scenarios.keyfile import keys_text
    from captures.whole_files import write_whole

    write_whole(path, keys_text(han), mode=0o600)


def _tell(han: Any, count: int, out: str) -> None:
    console.say(
        f"{'stdout' if out == '-' else out}: {count:,} frames, {_length(han.env.now / 1e9)} simulated"
    )
    for row in han.truth:
        if row["kind"] == "fault":
            console.say(f"  {row['fault_kind']} {row['name']}: {row['summary']}")
    exercise = han.memory.get("exercise")
    if exercise is not None:
        for line in exercise.summary():
            console.say(line)
