"""A hook of MkDocs: pages opened from the disk search with a script of our own; nothing is asked of a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ELSEWHERE = re.compile(r'<script src="https://[^"]*iframe-worker[^"]*"></script>')
ASKED = re.compile(r'<(?:script|img)[^>]+src="https?://[^"]+"|<link[^>]+stylesheet[^>]+href="https?:')
NAME = "assets/file_worker.js"


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Put our script in the place of the one that lies on a network."""
    depth = page.url.count("/")
    return ELSEWHERE.sub(f'<script src="{"../" * depth}{NAME}"></script>', output)


def on_post_build(*, config: Any) -> None:
    """Lay the script down; see that no page asks a network for a script, a style or a picture."""
    site = Path(config["site_dir"])
    text = (Path(__file__).parent / "file_worker.js").read_text("utf-8")
    (site / NAME).write_text(text, "utf-8")
    not_found = site / "404.html"
    not_found.write_text(
        ELSEWHERE.sub(f'<script src="{NAME}"></script>', not_found.read_text("utf-8")), "utf-8"
    )
    for path in site.rglob("*.html"):
        found = ASKED.search(path.read_text("utf-8"))
        if found:
            raise SystemExit(f"{path}: {found[0]} asks a network")
