"""Hostile inputs of the shared folder: what each must give."""

from pathlib import Path

import pytest

from dissectors.gbcs import dissect_message
from tests.dissectors.gbcs.round_trip import rebuilt

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("name", ["msg-exc-4-7.hex", "msg-exc-5-7.hex"])
def test_mutated_messages_are_built_again(shared: Path, name: str) -> None:
    """Both raised ValueError: numbers of data that are not those of the specifications or results."""
    octets = bytes.fromhex((shared / "cases" / "hostile" / name).read_text())
    assert rebuilt(dissect_message(octets)) == "same"
