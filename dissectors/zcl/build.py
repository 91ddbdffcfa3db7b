"""Frames from values: the inverse of reading them, from the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Direction
from dissectors.zcl.command import build_fields
from dissectors.zcl.general import build_general
from dissectors.zcl.header import Header, build_header

__all__ = ["build", "build_attribute_records", "build_command", "build_payload"]


def build(header: Header, payload: bytes = b"") -> bytes:
    """A ZCL frame: the octets of `header`, then `payload`."""
    return build_header(header) + payload


def build_payload(
    cluster: int,
    direction: Direction,
    command: int,
    values: Mapping[str, Any] | None = None,
    *,
    manufacturer: int | None = None,
) -> bytes:
    """The payload of a cluster command from its values by field name.

    ``values["layout"]`` names another layout than the current one. Raises KeyError for an unknown command or
    a missing field, ValueError or OverflowError for a value that does not fit.
    """
    found = catalogue.command(cluster, direction, command, manufacturer)
    if found is None:
        raise KeyError(f"no command 0x{command:02X} {direction} in {catalogue.cluster(cluster).name}")
    values = values or {}
    specs = dict(found.others)[values["layout"]] if values.get("layout") else found.fields
    return build_fields(specs, values)


def build_command(
    cluster: int,
    direction: Direction,
    command: int,
    values: Mapping[str, Any] | None = None,
    *,
    sequence: int = 0,
    manufacturer: int | None = None,
    disable_default_response: bool = False,
) -> bytes:
    """A whole ZCL frame with a cluster command.

    >>> build_command(0x0700, "to-server", 0x00, {"command_options": 1}, sequence=7).hex()
    '01070001'
    """
    header = Header(
        command,
        1,
        direction,
        sequence,
        manufacturer,
        disable_default_response=disable_default_response,
    )
    return build(header, build_payload(cluster, direction, command, values, manufacturer=manufacturer))


def build_attribute_records(
    command: int,
    records: Iterable[Mapping[str, Any]] = (),
    head: Mapping[str, Any] | None = None,
    *,
    direction: Direction = "to-server",
    sequence: int = 0,
    manufacturer: int | None = None,
    disable_default_response: bool = True,
) -> bytes:
    """A whole ZCL frame with a general command: reads, writes, reports, configuration, discovery.

    Records and head are as `dissectors.zcl.general` lays them out.

    >>> record = {"attribute": 0x0000, "type": 0x25, "value": 1}
    >>> build_attribute_records(0x0A, [record], direction="to-client").hex()
    '18000a000025010000000000'
    """
    header = Header(
        command,
        0,
        direction,
        sequence,
        manufacturer,
        disable_default_response=disable_default_response,
    )
    return build(header, build_general(command, records, head))
