"""Every error says in which layer it is: whoever reads octets names the layer that they belong to."""

import ast
from pathlib import Path

import pytest

from dissectors.gbcs import build, dissect_message
from tests.dissectors.gbcs import own

ROOT = Path(__file__).parents[3]
ENDS = {"originator": bytes(8), "recipient": bytes(7) + b"\1"}


def test_every_cursor_has_a_layer() -> None:
    without = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("dissectors", "analysis", "captures")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Cursor"
        and not any(word.arg == "layer" for word in node.keywords)
    ]
    assert not without


@pytest.mark.parametrize("name", sorted(row["id"] for row in own.rows()))
def test_a_message_cut_anywhere_says_in_which_layer(name: str) -> None:
    octets = own.octets(name)
    for end in range(1, len(octets), max(1, len(octets) // 60)):
        message = dissect_message(octets[:end])
        assert all(issue.layer and issue.text for issue in message.issues), end


def test_components_of_gbz_that_break_say_in_which_layer() -> None:
    payload = bytes.fromhex("010901010705000500180010d37e2205")
    for end in range(len(payload)):
        octets = build.pre_command(0x0090, **ENDS, counter=7, payload=payload[:end], signature_octet=True)
        message = dissect_message(octets)
        assert all(issue.layer and issue.text for issue in message.issues), end
