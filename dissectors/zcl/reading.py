"""What is known while one ZCL frame is read, and how its rows for the tables are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dissectors.model.context import HanContext
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field, Issue, Severity
from dissectors.model.frame import Dissection, Envelope
from dissectors.zcl.catalogue import Cluster, DataType
from dissectors.zcl.datatypes import elements_of
from dissectors.zcl.header import Header

__all__ = ["LAYER", "Reading", "number_of", "text_of"]

LAYER = "zcl"


@dataclass(slots=True, eq=False, repr=False)
class Reading:
    """One frame being read.

    Attributes:
        device: who owns the server side of the cluster: EUI-64, or (PAN, short address) while unknown.
        endpoint: endpoint of the server side.
        start: where the frame begins in `buffer`.
    """

    header: Header
    cluster: Cluster
    envelope: Envelope
    context: HanContext
    out: Dissection
    buffer: str
    start: int = 0

    @property
    def to_client(self) -> bool:
        return self.header.direction == "to-client"

    @property
    def endpoint(self) -> int | None:
        e = self.envelope
        return e.source_endpoint if self.to_client else e.destination_endpoint

    @property
    def source(self) -> int | None:
        return self.envelope.source if self.envelope.source is not None else self.envelope.source_short

    @property
    def destination(self) -> int | None:
        e = self.envelope
        return e.destination if e.destination is not None else e.destination_short

    @property
    def device(self) -> Any:
        e = self.envelope
        if self.to_client:
            return e.source if e.source is not None else (e.pan, e.source_short)
        return e.destination if e.destination is not None else (e.pan, e.destination_short)

    @property
    def peer(self) -> tuple[Any, int] | None:
        """Device and endpoint that a server sends to, where it is one device: the hub that mirrors a meter."""
        e = self.envelope
        if not self.to_client or e.destination_endpoint is None:
            return None
        device = e.destination if e.destination is not None else (e.pan, e.destination_short)
        return device, e.destination_endpoint

    def issue(self, severity: Severity, offset: int, text: str) -> None:
        self.out.issues.append(Issue(severity, LAYER, offset, text))

    def failed(self, error: DissectionError) -> None:
        self.out.issues.append(Issue("error", error.layer or LAYER, error.offset, error.text))

    def row(self, **more: Any) -> dict[str, Any]:
        """A row with the columns that both tables share, and `more`."""
        return {
            "source": self.source,
            "destination": self.destination,
            "cluster": self.cluster.id,
            "cluster_name": self.cluster.name,
            "direction": self.header.direction,
            "command": self.header.command,
            **more,
        }


def text_of(found: Field, kind: DataType | None) -> str | None:
    """The value as text: numbers in decimal, octets in hex, times in ISO 8601, lists in brackets."""
    if kind is not None and kind.kind in ("list", "structure"):
        return "[" + ", ".join(text_of(part, one) or "" for part, one in elements_of(found, kind)) + "]"
    if kind is not None and kind.kind == "key":
        return "withheld"
    value = found.value
    if value is None:
        return None
    if kind is not None and kind.kind in ("utc", "date", "time_of_day", "eui64"):
        return found.meaning or str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value)


def number_of(found: Field, kind: DataType | None) -> float | None:
    """The value as a number; None when it is none, or is the type's "not available"."""
    value = found.value
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or found.meaning == "invalid" or value != value:
        return None
    if kind is not None and kind.kind == "eui64":
        return None
    return float(value)
