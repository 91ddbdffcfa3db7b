"""The page of all rules, written from the registry.

python -m tests.analysis.rules_page        # writes docs/rules.md"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analysis.findings.model import Rule
from analysis.findings.modifications import judging, modifications
from analysis.rules.profile import profile_names, read_profile
from analysis.rules.registry import rules

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
CONFIDENCE = {
    "text": "its text was read", "derived": "follows from texts, tables or real messages", "secondary": "told by others",
    "recalled": "recalled or inferred: can warn, never fail",
}  # fmt: skip


def cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def page() -> str:
    """The whole page."""
    return "\n".join(_lines(rules())) + "\n"


def _lines(known: list[Rule]) -> Iterator[str]:
    yield from (
        "# Rules", "",
        f"All {len(known)} rules of `hanscope check`, written by `python -m tests.analysis.rules_page`; a test holds this page",
        "to the registry. `hanscope check --explain RULE` says more of each. A rule that finds nothing to judge says",
        "\"not seen\" and names what the capture would have to hold: the last column.", "",
        "| confidence | meaning |", "|---|---|", *(f"| {name} | {text} |" for name, text in CONFIDENCE.items()), "",
    )  # fmt: skip
    yield from _profiles()
    area = ""
    for rule in known:
        if (heading := f"{rule.family}: {rule.area}") != area:
            area = heading
            yield from (
                "",
                f"## {area}",
                "",
                "| rule | found when broken | severity | confidence | source | must be in the capture |",
            )
            yield "|---|---|---|---|---|---|"
        yield (
            f"| `{rule.id}` | {cell(rule.title)} | {rule.severity} | {rule.confidence} | {cell(rule.source)} | {cell(rule.unseen)} |"
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
    PAGE.write_text(page(), encoding="utf-8")
