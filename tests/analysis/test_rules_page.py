"""docs/rules.md and the pages of chapters are what the registry says."""

from tests.analysis.rules_page import DOCS, pages


def test_the_pages_are_those_of_the_registry() -> None:
    wanted = pages()
    assert {path: path.read_text("utf-8") for path in wanted} == wanted, (
        "run: python -m tests.analysis.rules_page"
    )
    assert set((DOCS / "rules").glob("*.md")) <= set(wanted), "pages of chapters that are gone"
