"""ZCL frames of every cluster: every octet in a leaf; a command that was read whole is built again.

The first two octets choose the cluster: among those of the tables, or any.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from analysis.views.tree import issue_lines, tree_lines
from dissectors.model.cursor import Cursor
from dissectors.zcl import build_command, catalogue
from dissectors.zcl.build import build_payload
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import command_values, read_command
from tests.dissectors.zcl.payloads import fullest, layouts, smallest
from tests.dissectors.zcl.support import read
from tests.fuzz.properties import offsets, safe

LIMIT = 300
COMMANDS = catalogue.commands()
CLUSTERS = sorted({one.cluster for one in COMMANDS})


def seeds() -> Iterator[bytes]:
    for one in COMMANDS:
        head = CLUSTERS.index(one.cluster).to_bytes(2, "big")
        for name, specs in layouts(one):
            for values in (smallest(specs), fullest(specs)):
                values = {**values, "layout": name} if name else values
                code = one.manufacturer
                octets = build_command(
                    one.cluster, one.direction, one.id, values, sequence=1, manufacturer=code
                )
                if len(octets) < LIMIT - 2:
                    yield head + octets
    chance = random.Random(5)
    for command in range(0x17):
        for control in (0x00, 0x18, 0x04):
            yield (
                CLUSTERS.index(0x0702).to_bytes(2, "big")
                + bytes((control, 1, command))
                + chance.randbytes(12)
            )


def check(octets: bytes) -> None:
    chosen = int.from_bytes(octets[:2], "big")
    cluster = CLUSTERS[chosen] if chosen < len(CLUSTERS) else chosen
    frame = octets[2:]
    out = read(frame, cluster)
    offsets(out.issues, out.buffers)
    safe([*tree_lines(out.fields, out.buffers), *issue_lines(out.issues)])
    _built_again(frame, cluster)


def _built_again(frame: bytes, cluster: int) -> None:
    for one in COMMANDS:
        code = one.manufacturer
        control = 1 | (8 if one.direction == "to-client" else 0) | (0 if code is None else 4)
        at = 3 if code is None else 5
        if (
            one.cluster != cluster
            or not frame
            or frame[0] & 0x0F != control
            or frame[at - 1 : at] != bytes((one.id,))
        ):
            continue
        if code is None or frame[1:3] == code.to_bytes(2, "little"):
            _payload(frame[at:], one)


def _payload(payload: bytes, command: Command) -> None:
    cursor = Cursor(payload)
    found = read_command(cursor, command)
    if any(issue.severity != "note" for issue in found.issues) or cursor.remaining:
        return
    values = command_values(command, found)
    built = build_payload(
        command.cluster, command.direction, command.id, values, manufacturer=command.manufacturer
    )
    told = any("canonical" in issue.text for issue in found.issues)
    assert built == payload or told, (command.name, payload.hex(), built.hex())
