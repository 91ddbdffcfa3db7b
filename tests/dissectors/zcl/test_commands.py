"""Every command of the tables: built, read back to the same values, at its smallest and its fullest."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.model.cursor import Cursor
from dissectors.zcl import build_command, catalogue
from dissectors.zcl.build import build_payload
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import command_values, read_command
from tests.dissectors.zcl.payloads import fullest, layouts, smallest
from tests.dissectors.zcl.support import read

COMMANDS = catalogue.commands()


def cases(command: Command) -> Iterator[dict[str, Any]]:
    for name, specs in layouts(command):
        layout = {"layout": name} if name else {}
        yield {**smallest(specs), **layout}
        yield {**fullest(specs), **layout}


@pytest.mark.parametrize("cluster", sorted({c.cluster for c in COMMANDS}), ids=lambda c: f"0x{c:04X}")
def test_commands_of_cluster_round_trip(cluster: int) -> None:
    for command in (c for c in COMMANDS if c.cluster == cluster):
        for values in cases(command):
            octets = build_command(
                cluster, command.direction, command.id, values, manufacturer=command.manufacturer
            )
            out = read(octets, cluster)
            assert not [i for i in out.issues if i.severity != "note"], (command, values, out.issues)
            assert out.columns["summary"].startswith(
                f"{catalogue.cluster(cluster, command.manufacturer).name}: {command.name}"
            )
            payload = build_payload(
                cluster, command.direction, command.id, values, manufacturer=command.manufacturer
            )
            found = read_command(Cursor(payload), command)
            again = command_values(command, found)
            assert (
                build_payload(
                    cluster, command.direction, command.id, again, manufacturer=command.manufacturer
                )
                == payload
            )
            if found.layout == values.get("layout", ""):
                assert again == values


def test_every_truncation_is_read() -> None:
    for command in COMMANDS:
        values = fullest(command.fields)
        octets = build_command(
            command.cluster, command.direction, command.id, values, manufacturer=command.manufacturer
        )
        for length in range(len(octets)):
            read(octets[:length], command.cluster)
        out = read(octets + b"\xee\xee\xee", command.cluster)
        assert out.fields


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(COMMANDS), st.binary(max_size=80))
def test_any_payload_of_a_command_is_read(command: Command, payload: bytes) -> None:
    specific = 0 if command.manufacturer is None else 4
    control = 1 | specific | (8 if command.direction == "to-client" else 0)
    code = command.manufacturer.to_bytes(2, "little") if command.manufacturer is not None else b""
    read(bytes((control,)) + code + bytes((1, command.id)) + payload, command.cluster)


def test_an_unknown_command_keeps_its_payload() -> None:
    out = read(bytes.fromhex("0901ee 010203"), 0x0702)
    payload = out.fields[0].find("payload")
    assert payload is not None and payload.value == b"\1\2\3" and payload.meaning is None
    assert [i.severity for i in out.issues] == ["note"]
    assert out.commands[0]["command"] == 0xEE and out.commands[0]["command_name"] is None


def test_block_period_of_an_older_revision() -> None:
    command = catalogue.command(0x0700, "to-client", 0x01)
    assert command is not None
    values = {**fullest(dict(command.others)["se-1.1"]), "layout": "se-1.1"}
    out = read(build_command(0x0700, "to-client", 0x01, values), 0x0700)
    assert [i.text for i in out.issues] == ["read by the layout of se-1.1"]
    assert out.fields[0].find("number_of_price_tiers_and_number_of_block_thresholds") is not None
