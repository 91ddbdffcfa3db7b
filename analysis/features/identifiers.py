"""Numbers that rules compare, by the names that the specifications give them.

A number in a rule that nobody looked up may belong to another cluster, another direction or nothing at all, and the
rule looks well and never fires. So a rule asks here when it is imported, and a name that the dissectors' tables do not
have raises `UnknownName` at once::

    POLL = MAC_COMMANDS["Data Request"]
    IMAGE_BLOCK = to_client(CLUSTERS["OTA Upgrade"], "Image Block Response")
    OFFSET = IMAGE_BLOCK.field("file_offset")

`tests/analysis/test_identifiers.py` finds the numbers that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NewType

from analysis.features import names
from analysis.features.names import UnknownName
from dissectors.dlms import class_name, member_name
from dissectors.gbcs import use_cases
from dissectors.ieee802154 import COMMAND_NAMES, COMMANDS
from dissectors.layout import Layer, table
from dissectors.layout import names as values_of
from dissectors.zcl import GENERAL, catalogue
from dissectors.zigbee import APS_COMMAND_NAMES, NWK_COMMAND_NAMES, zdp_layer, zdp_names
from dissectors.zigbee import APS_COMMANDS as APS_LAYERS
from dissectors.zigbee import KEY_TYPES as KEY_TYPE_NAMES
from dissectors.zigbee import NWK_COMMANDS as NWK_LAYERS

__all__ = [
    "ALERTS", "APS_COMMANDS", "CLUSTERS", "GENERAL_COMMANDS", "KEY_TYPES", "MAC_COMMANDS", "NWK_COMMANDS", "PROFILES",
    "REQUEST_KEY_TYPES", "STATUS", "TO_CLIENT", "TO_SERVER", "ZDP_COMMANDS", "Command", "FieldName", "Identifiers",
    "attribute", "attribute_called", "class_attribute", "command", "enumeration", "interface_class", "message_code",
    "to_client", "to_server",
]  # fmt: skip

TO_SERVER, TO_CLIENT = "to-server", "to-client"
FieldName = NewType("FieldName", str)
"""The name of a field of a command, which was looked up."""


class Identifiers(Mapping[str, int]):
    """Numbers of one kind by their names; a name that is not there raises UnknownName."""

    def __init__(
        self,
        kind: str,
        numbers: Callable[[], Mapping[str, int]],
        layer: Callable[[int], type[Layer] | None] = lambda number: None,
    ) -> None:
        self._kind, self._make, self._layer = kind, numbers, layer
        self._numbers: Mapping[str, int] | None = None

    @property
    def numbers(self) -> Mapping[str, int]:
        if self._numbers is None:
            self._numbers = self._make()
        return self._numbers

    def __getitem__(self, name: str) -> int:
        if name not in self.numbers:
            self._numbers = self._make()  # a plug-in may have brought it since
        if name not in self.numbers:
            raise UnknownName(f"no {self._kind} {name!r}")
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def some(self, *called: str) -> list[int]:
        """The numbers of several names."""
        return [self[name] for name in called]

    def field(self, name: str, field: str) -> FieldName:
        """A field of the command `name`. Raises UnknownName: it has none of that name."""
        layer = self._layer(self[name])
        if layer is None or field not in _fields(layer):
            raise UnknownName(f"no field {field} of {self._kind} {name!r}")
        return FieldName(field)


def _fields(layer: type[Layer]) -> set[str]:
    """The fields of a layer, bits of words and fields of the records inside among them."""
    inside = [kind for part in layer.parts if isinstance(kind := getattr(part, "kind", None), type)]
    return {*layer.part_of, *layer.bit_of}.union(*(_fields(kind) for kind in inside))


def _turned(values: Mapping[int, str]) -> Mapping[str, int]:
    return {name: number for number, name in values.items()}


CLUSTERS = Identifiers(
    # a manufacturer's own, where the standard has no cluster of that name
    "cluster",
    lambda: {c.name: c.id for c in sorted(catalogue.clusters(), key=lambda c: c.manufacturer is None)},
)
PROFILES = Identifiers("profile", lambda: _turned(values_of("zigbee", "profile")))
GENERAL_COMMANDS = Identifiers("general command", lambda: {one.name: code for code, one in GENERAL.items()})
MAC_COMMANDS = Identifiers("MAC command", lambda: _turned(COMMAND_NAMES), COMMANDS.get)
NWK_COMMANDS = Identifiers("NWK command", lambda: _turned(NWK_COMMAND_NAMES), NWK_LAYERS.get)
APS_COMMANDS = Identifiers("APS command", lambda: _turned(APS_COMMAND_NAMES), APS_LAYERS.get)
ZDP_COMMANDS = Identifiers("ZDP command", lambda: _turned(zdp_names()), zdp_layer)
KEY_TYPES = Identifiers("key type", lambda: _turned(KEY_TYPE_NAMES))
REQUEST_KEY_TYPES = Identifiers(
    "key type of a request", lambda: _turned(values_of("zigbee", "request_key_type"))
)
ALERTS = Identifiers(
    "alert", lambda: {row["name"]: int(row["alert_code"], 16) for row in table("gbcs", "alert_codes")}
)


def enumeration(name: str) -> Identifiers:
    """The labels of an enumeration or bitmap of the ZCL with their values (a bitmap: masks).

    Raises UnknownName: there is none of that name."""
    found = catalogue.meaning(name)
    if found is None:
        raise UnknownName(f"no enumeration {name!r}")
    labels = found.labels
    return Identifiers(name, lambda: _turned(labels))


STATUS = enumeration("Status")


# --- ZCL commands and attributes


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a cluster in one direction."""

    cluster: int
    direction: str
    id: int
    name: str

    def field(self, name: str) -> FieldName:
        """One of its fields. Raises UnknownName: it has none of that name."""
        names.command_field(self.cluster, self.direction, (self.id,), name)
        return FieldName(name)


def to_server(cluster: int, name: str) -> Command:
    """The command `name` that the server of a cluster gets. Raises UnknownName."""
    return command(cluster, TO_SERVER, name)


def to_client(cluster: int, name: str) -> Command:
    """The command `name` that the client of a cluster gets. Raises UnknownName."""
    return command(cluster, TO_CLIENT, name)


def command(cluster: int, direction: str, name: str) -> Command:
    """The command `name` of a cluster in one direction. Raises UnknownName."""
    known = catalogue.commands_of(cluster)
    found = [one for one in known if one.manufacturer is None] or known
    number = _only(
        {one.id for one in found if (one.direction, one.name) == (direction, name)},
        f"command {name!r} {direction} of cluster 0x{cluster:04x}",
    )
    return Command(cluster, direction, number, name)


def attribute(cluster: int, name: str) -> int:
    """The attribute `name` of either side of a cluster. Raises UnknownName."""
    found = {one.id for one in catalogue.attributes_of(cluster) if one.name == name}
    return _only(found, f"attribute {name!r} of cluster 0x{cluster:04x}")


def attribute_called(cluster: int, name: str) -> str:
    """`name`, which is that of an attribute, for a cluster whose two sides share identifiers. Raises UnknownName."""
    attribute(cluster, name)
    return name


# --- GBCS and DLMS


def message_code(use_case: str, title: str = "") -> int:
    """The message code of a use case; `title` is part of the title where several codes belong to one.

    Raises UnknownName: there is none, or more than one."""
    found = {
        code
        for code, row in use_cases().items()
        if use_case in row.use_case.split("/") and title in row.title
    }
    return _only(found, f"message code of {use_case} {title}".strip())


def interface_class(name: str) -> int:
    """The number of a COSEM interface class. Raises UnknownName."""
    rows = table("dlms", "interface_classes")
    return _only({int(row["class_id"]) for row in rows if row["class"] == name}, f"interface class {name!r}")


def class_attribute(class_id: int, name: str) -> int:
    """The number of an attribute of an interface class. Raises UnknownName."""
    found = {number for number in range(1, 0x80) if member_name(class_id, number) == name}
    return _only(found, f"attribute {name!r} of class {class_name(class_id) or class_id}")


def _only(found: Iterable[int], what: str) -> int:
    numbers = sorted(found)
    if len(numbers) != 1:
        raise UnknownName(f"{'no' if not numbers else 'more than one'} {what}")
    return numbers[0]
