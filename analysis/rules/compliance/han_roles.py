"""What each kind of device may do on the HAN: displays only read, load controllers obey the meter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import CLUSTERS, GENERAL_COMMANDS
from analysis.features.judging import judge, key_of, mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.han_commands import (
    TO_CLIENT,
    TO_SERVER,
)
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "han roles")

SERVED = CLUSTERS.some(
    "Price", "Metering", "Messaging", "Prepayment", "Calendar", "Device Management", "Events"
)
SWITCHING = CLUSTERS.some("Demand Response and Load Control", "On/Off")
CONTROL = [*CLUSTERS.some("Tunneling", "Prepayment"), *SWITCHING]
DEFAULT_RESPONSE, *WRITES = GENERAL_COMMANDS.some(
    "Default Response", "Write Attributes", "Write Attributes Undivided", "Write Attributes No Response"
)
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
        & mask(rows["aps_cluster"].isin(CONTROL))
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
    rows = packets.only(aps_cluster=SWITCHING, zcl_type="cluster")
    rows = rows[mask(rows["target"].isin(list(view.with_role("HCALCS"))))]
    yield from judge(
        view,
        rows,
        ~mask(rows["origin"].isin(list(view.with_role("ESME")))),
        "{bad} of load control",
        "origin",
        "of the electricity meter",
    )


@rule(
    "han-data-source",
    "Meter data, prices or messages from a device that may not serve them",
    severity="warning",
    source="GBCS v4.0 HAN mapping (ESI, meters and mirror are the servers); SMETS2 type 2 devices",
    confidence="derived",
    merges=("rules:A08",),
    cause="forged command",
    unseen="readable data of the price, metering, messaging, prepayment, calendar, device and event clusters",
    advice="A display must not take what it says: see which device it is, and whether its key is its own",
    **SHOWN,
)
def han_data_source(view: View) -> Iterator[Evidence]:
    """Prices, readings, messages and credit come from the meters and from the hub. A device that is a
    display, an access device or a load controller, or that asks for the same data as a client, cannot be
    their source."""
    rows = view.good.only(aps_cluster=list(SERVED))
    rows = rows[mask(rows["zcl_command"].notna()) & rows.known("origin") & ~mask(rows["nwk_src"] == 0)]
    served, asks = rows.only(zcl_direction=TO_CLIENT), rows.only(zcl_direction=TO_SERVER)
    asks = asks[~mask(asks["zcl_command"] == DEFAULT_RESPONSE)]
    clients = np.unique(key_of(asks, "origin", "aps_cluster"))
    either = np.isin(key_of(served, "origin", "aps_cluster"), clients)
    meters = mask(served["origin"].isin(list(view.with_role("ESME", "GSME", "GPF", "CHF"))))
    displays = mask(served["origin"].isin(list(view.with_role("IHD", "PPMID", "CAD", "HCALCS"))))
    bad = displays | (either & ~meters)
    yield from judge(
        view, served, bad, "{bad} with data that it cannot have", "origin", "of a meter or the hub"
    )
