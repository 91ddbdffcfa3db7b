"""Examples in docstrings, which stand there without a heading, become code on the pages of the site."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

EXAMPLE = re.compile(r"(?:^[ \t]*>>>[^\n]*\n?(?:^(?![ \t]*$)[^\n]*\n?)*)+", re.MULTILINE)


class Doctests(Extension):
    """Puts a fence around each example."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring is not None and ">>>" in obj.docstring.value:
            obj.docstring.value = EXAMPLE.sub(
                lambda found: f"```python\n{found[0].rstrip()}\n```\n", obj.docstring.value
            )
