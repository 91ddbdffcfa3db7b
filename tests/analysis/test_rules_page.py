"""docs/rules.md is what the registry says."""

from tests.analysis.rules_page import PAGE, page


def test_the_page_is_that_of_the_registry() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.analysis.rules_page"
