"""What each kind of device may do on the HAN: displays only read, load controllers obey the meter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.compliance.han_commands import (
    TO_SERVER,
)
from analysis.findings import Evidence, rule
from analysis.judging import judge, mask
from analysis.view import View

WRITES = [0x02, 0x03, 0x05]
SHOWN: dict[str, Any] = {"smart_energy": True}


@rule(
    "type-2-writes",
    "A display or access device writes or controls",
    severity="warning",
    source="SMETS2 / GBCS type 2 device definition",
    confidence="recalled",
    merges=("rules:A08",),
    needs=("packets", "devices"),
    cause="forged command",
    unseen="frames of an IHD or CAD",
    advice="These devices may only read: see which command it was",
    **SHOWN,
)
def type_2_writes(view: View) -> Iterator[Evidence]:
    """In-home displays and consumer access devices only read: no write of attributes, no control command,
    no tunnel."""
    packets = view.good
    rows = packets[
        mask(packets["origin"].isin(list(view.with_role("IHD", "CAD"))))
        & mask(packets["zcl_command"].notna())
    ]
    writes = mask(rows["zcl_type"] == "general") & mask(rows["zcl_command"].isin(WRITES))
    control = (
        mask(rows["zcl_type"] == "cluster")
        & mask(rows["zcl_direction"] == TO_SERVER)
        & mask(rows["aps_cluster"].isin([0x0704, 0x0705, 0x0701, 0x0006]))
    )
    yield from judge(view, rows, writes | control, "{bad} that write or control", "origin", "that only read")


@rule(
    "load-control-source",
    "Load switching by another device than the electricity meter",
    severity="warning",
    source="GBCS mapping table HECS01",
    confidence="derived",
    merges=("rules:G22", "disapplied:55"),
    needs=("packets", "devices"),
    cause="forged command",
    unseen="load control or on/off commands to a load controller (role HCALCS)",
    advice="Only the electricity meter may switch it: see who sends",
    **SHOWN,
)
def load_control_source(view: View) -> Iterator[Evidence]:
    """A load controller switches boilers or heaters for the electricity meter, and obeys it alone. A
    switching command from another device is a fault in the set-up or an attack."""
    packets = view.good
    rows = packets.only(aps_cluster=[0x0701, 0x0006], zcl_type="cluster")
    rows = rows[mask(rows["target"].isin(list(view.with_role("HCALCS"))))]
    yield from judge(
        view,
        rows,
        ~mask(rows["origin"].isin(list(view.with_role("ESME")))),
        "{bad} of load control",
        "origin",
        "of the electricity meter",
    )
