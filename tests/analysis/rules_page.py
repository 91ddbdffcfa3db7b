"""The pages of the rules, written from the registry.

python -m tests.analysis.rules_page        # writes docs/rules.md and docs/rules/*.md

`docs/rules.md` has a line a rule; each chapter whose rules are declared has a page of its own, with all that they say."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from analysis.findings.model import Rule
from analysis.findings.modifications import judging, modifications
from analysis.rules.profile import profile_names, read_profile
from analysis.rules.registry import rules

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "rules.md"
PLAYED_BY_TESTS = ("planted: ", "talk: ", "home: ")
CONFIDENCE = {
    "text": "its text was read", "derived": "follows from texts, tables or real messages", "secondary": "told by others",
    "recalled": "recalled or inferred: can warn, never fail",
}  # fmt: skip


def cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def pages() -> dict[Path, str]:
    """All pages by their place."""
    known = rules()
    out = {PAGE: "\n".join(_lines(known)) + "\n"}
    for area in _described(known):
        out[DOCS / "rules" / f"{_name(area)}.md"] = "\n".join(_chapter(area, known)) + "\n"
    return out


def _name(area: str) -> str:
    return area.replace(" ", "_")


def _described(known: list[Rule]) -> list[str]:
    """Chapters with rules that say all of themselves."""
    return sorted({rule.area for rule in known if rule.example and not rule.origin})


def _chapter(area: str, known: list[Rule]) -> Iterator[str]:
    """What the rules of one chapter say of themselves, one after the other."""
    family = next(rule.family for rule in known if rule.area == area)
    places = (f"analysis.rules.{_name(area)}", f"analysis.rules.{family}.{_name(area)}")
    topic = importlib.import_module(next(one for one in places if find_spec(one)))
    yield from (f"# Rules: {area}", "", inspect.cleandoc(topic.__doc__ or ""), "")
    for rule in known:
        if rule.area == area:
            yield from _whole(rule)


def _whole(rule: Rule) -> Iterator[str]:
    kind = "requirement" if rule.family == "compliance" else "attack or fault"
    scope = ", in Smart Energy networks" if rule.smart_energy else ""
    yield from (f"## {rule.id}", "", f"**{rule.title}** ({rule.severity}, {kind}{scope})", "")
    yield from (rule.explanation, "")
    if rule.example:
        yield from ("```text", " ".join(rule.example.split()), "```", "")
    yield from (f"- Source: {rule.source} ({CONFIDENCE[rule.confidence]})", f"- Do: {rule.advice}")
    yield f"- Judges when the capture holds {rule.requires}"
    for name, value in rule.parameters.items():
        yield f"- Parameter `{name}`: {value}"
    if rule.covers:
        yield f"- Covers {', '.join(rule.covers)}"
    for words, recipe in (("breaks", rule.broken_by), ("keeps", rule.kept_by)):
        if " " in recipe and not recipe.startswith(PLAYED_BY_TESTS):
            yield f"- What {words} it: `hanscope simulate {recipe}`"
    yield ""


def _lines(known: list[Rule]) -> Iterator[str]:
    yield from (
        "# Rules", "",
        f"All {len(known)} rules of `hanscope check`, written by `python -m tests.analysis.rules_page`; a test holds this page",
        "to the registry. `hanscope check --explain RULE` says more of each, as do the pages of chapters. A rule that finds",
        "nothing to judge says \"not seen\" and names what the capture would have to hold: the last column.", "",
        "| confidence | meaning |", "|---|---|", *(f"| {name} | {text} |" for name, text in CONFIDENCE.items()), "",
    )  # fmt: skip
    yield from _profiles()
    area, described = "", _described(known)
    for rule in known:
        if (heading := f"{rule.family}: {rule.area}") != area:
            area = heading
            page = f"[All that they say](rules/{_name(rule.area)}.md)." if rule.area in described else ""
            yield from ("", f"## {area}", "", *([page, ""] if page else ()))
            yield "| rule | found when broken | severity | confidence | source | must be in the capture |"
            yield "|---|---|---|---|---|---|"
        yield (
            f"| `{rule.id}` | {cell(rule.title)} | {rule.severity} | {rule.confidence} | {cell(rule.source)} "
            f"| {cell(rule.requires)} |"
        )
    yield from _modifications(known)


def _profiles() -> Iterator[str]:
    yield from (
        "## Profiles",
        "",
        "| profile | for | rules off | rules with other settings |",
        "|---|---|---|---|",
    )
    for name in profile_names():
        profile = read_profile(name)
        off = [rule for rule in profile.settings if not profile.enabled(rule)]
        other = [f"`{rule}`" for rule in profile.settings if profile.enabled(rule)]
        yield f"| `{name}` | {cell(profile.text)} | {len(off)} | {', '.join(other) or '-'} |"


def _modifications(known: list[Rule]) -> Iterator[str]:
    yield from (
        "", "## What GBCS modifies or dis-applies", "",
        "A family across all areas (`*` in `--list-rules`, `gbcs_modifications` in `--json`). Which of them a version has,",
        "its profile says.", "",
        "| | protocol | feature | GBCS | what holds | source | rules |", "|---|---|---|---|---|---|---|",
    )  # fmt: skip
    by = judging(known)
    for one in modifications():
        names = (
            ", ".join(f"`{rule}`" for rule in by.get(one.number, ())) or "none: nothing on the air decides it"
        )
        words = (cell(text) for text in (one.protocol, one.feature, one.gbcs, one.details, one.source))
        yield f"| {one.number} | {' | '.join(words)} | {names} |"


if __name__ == "__main__":
    (DOCS / "rules").mkdir(exist_ok=True)
    wanted = pages()
    for path in set((DOCS / "rules").glob("*.md")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
