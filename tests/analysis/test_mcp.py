"""`hanscope mcp`: the API as tools for an assistant; bounded, in sentences where it is wrong, without keys."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("mcp")
import mcp

from analysis.keys.keyfile import read_keys
from analysis.web import assistant
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest
from analysis.web.judging import Judge
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import keys_of_sample


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keys_of_sample("gbcs-messages", tmp_path_factory.mktemp("keys"))


def test_answers_are_bounded(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = CapturesHeld([FOLDER / "gbcs-messages.pcapng"], read_keys(keys), Judge())
    assert len(json.loads(assistant.answer(held, "packets", {}))["rows"]) == 20
    assert "ECS17b" in assistant.answer(held, "messages", {"where": "use_case == ECS17b", "limit": 2})
    frame = assistant.answer(held, "frame", {"number": 1})
    assert frame.startswith("frame 1 of ")
    assert "fields" in assistant.answer(held, "message", {"number": 1})
    assert "get-request" in assistant.answer(held, "paste", {"text": "c001c100080000010000ff0200"})
    for name, wrong in (
        ("packets", {"limit": 51}),
        ("nothing", {}),
        ("frame", {}),
        ("packets", {"wher": "x"}),
    ):
        with pytest.raises(BadRequest):
            assistant.answer(held, name, wrong)
    monkeypatch.setattr(assistant, "LONGEST", 100)
    assert assistant.answer(held, "packets", {})[100:].startswith("\n... cut: ")
    held.close()


def test_every_tool_says_what_it_takes() -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    for name, one in assistant.tools().items():
        validator.check_schema(assistant.schema(one))
        assert name.isidentifier() and one.summary
    assert {"packets", "messages", "frame", "message", "findings", "keys", "follow", "paste"} <= set(
        assistant.tools()
    )


def test_an_assistant_asks(keys: Path) -> None:
    import anyio
    from mcp.client.stdio import stdio_client

    words = ["-m", "analysis.cli", "mcp", str(FOLDER / "gbcs-messages.pcapng"), "--keys", str(keys)]
    parameters = mcp.StdioServerParameters(
        command=sys.executable, args=words, env=dict(os.environ), cwd=Path.cwd()
    )

    async def ask() -> list[Any]:
        async with stdio_client(parameters) as (read, write), mcp.ClientSession(read, write) as session:
            await session.initialize()
            listed = await session.list_tools()
            right = await session.call_tool("devices", {"columns": "name,role"})
            wrong = await session.call_tool("packets", {"where": "protocl == ZCL"})
            return [listed.tools, right, wrong]

    listed, right, wrong = anyio.run(ask)
    assert {one.name for one in listed} == set(assistant.tools())
    assert {"Electricity meter"} <= {row.get("name") for row in json.loads(right.content[0].text)["rows"]}
    told = json.loads(wrong.content[0].text)
    assert told["error"]["position"] == 0
