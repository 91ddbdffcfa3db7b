"""Firmware over the air (OTA upgrade cluster): source, order, image, activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import STATUS, message_code, to_client, to_server
from analysis.features.judging import judge, mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.han_commands import (
    IMAGE_BLOCK,
    IMAGE_BLOCK_REQUEST,
    NEXT_IMAGE,
    NEXT_IMAGE_REQUEST,
    OTA,
    UPGRADE_END,
    commands,
    field_of,
)
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of
from dissectors.zcl import label_of

rule = rules_of("compliance", "ota")

SHOWN: dict[str, Any] = {"smart_energy": True}
IMAGE_NOTIFY, UPGRADE_END_ANSWER = to_client(OTA, "Image Notify"), to_client(OTA, "Upgrade End Response")
IMAGE_PAGE_REQUEST = to_server(OTA, "Image Page Request")
SUCCESS, WAIT_FOR_DATA, ABORT = (STATUS[name] for name in ("SUCCESS", "WAIT_FOR_DATA", "ABORT"))
OFFSET, VERSION = IMAGE_BLOCK_REQUEST.field("file_offset"), IMAGE_BLOCK_REQUEST.field("file_version")
VERSION_HELD, VERSION_OFFERED = (
    NEXT_IMAGE_REQUEST.field("current_file_version"),
    NEXT_IMAGE.field("file_version"),
)
BLOCK_OFFSET, DATA = IMAGE_BLOCK.field("file_offset"), IMAGE_BLOCK.field("image_data")
BLOCK_STATUS, END_STATUS = IMAGE_BLOCK.field("status"), UPGRADE_END.field("status")
MAKER, KIND = NEXT_IMAGE_REQUEST.field("manufacturer_id"), NEXT_IMAGE_REQUEST.field("image_type")
RECEIPTS_AND_ACTIVATIONS = [
    message_code("FDRA-DLMS"), message_code("FDRA-ZigBee"), message_code("CS06", "Activate Firmware"),
    message_code("CS06", "Activation Alert"), message_code("CCS08"),
]  # fmt: skip


@rule(
    "ota-source",
    "Firmware blocks from another device than the hub",
    severity="error",
    source="GBCS v0.8.1 11.1 (page 129); ZCL OTA upgrade cluster",
    confidence="text",
    merges=("rules:O01", "attacks:A36", "spec:R095"),
    needs=("commands", "packets"),
    cause="ota",
    unseen="image block responses",
    advice="Somebody else offers firmware: find the sender",
    **SHOWN,
)
def ota_source(view: View) -> Iterator[Evidence]:
    """Firmware comes from the hub alone, block by block, as the device asks for it. Offers or blocks from
    another device may be an attempt to install foreign firmware."""
    rows = commands(view, IMAGE_NOTIFY, NEXT_IMAGE, IMAGE_BLOCK, UPGRADE_END_ANSWER)
    yield from judge(
        view,
        rows,
        ~mask(rows["source"].isin(list(view.hub_addresses()))),
        "{bad} of firmware from another than the hub",
        "source",
    )


@rule(
    "ota-unasked",
    "Firmware blocks that nobody asked for",
    severity="warning",
    source="ZCL OTA upgrade cluster; GBCS 11",
    confidence="recalled",
    merges=("rules:O01",),
    needs=("commands",),
    cause="ota",
    absent=1,
    unseen="image block requests and responses",
    advice="See who sends them",
    **SHOWN,
)
def ota_unasked(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """A device asks for each image block by its offset, and the hub answers. Blocks that nobody asked for
    are late copies, or somebody who feeds his own image."""
    asks = commands(view, IMAGE_BLOCK_REQUEST, IMAGE_PAGE_REQUEST)
    blocks = commands(view, IMAGE_BLOCK)
    if asks.empty:
        return
    times = asks["seconds"].to_numpy(dtype=float)
    at = np.searchsorted(times, blocks["seconds"].to_numpy(dtype=float), side="right") - 1
    before = np.where(
        at < 0, view.start, times[np.maximum(at, 0)]
    )  # perhaps asked for before the capture began
    gap = blocks["seconds"].to_numpy(dtype=float) - before
    yield from judge(view, blocks, gap > seconds, "{bad} without a request before", "source", "as asked")


@rule(
    "ota-offsets",
    "A firmware transfer runs in circles",
    severity="warning",
    source="ZCL OTA upgrade cluster; Ronen (2017)",
    confidence="recalled",
    merges=("rules:O06", "attacks:A36"),
    needs=(ClusterCommands("OTA Upgrade"),),
    cause="ota",
    unseen="image block requests",
    advice="Weak link, a wrong image, or somebody who drains the device",
    **SHOWN,
)
def ota_offsets(view: View, *, repeats: int = 5) -> Iterator[Evidence]:
    """During a firmware download the offset asked for rises block by block. The same offset again and again
    gets nowhere: blocks are lost or refused, or somebody drains the device. A device that the hub told to wait
    (WAIT_FOR_DATA) asks for the same once more, as it should."""
    rows = commands(view, IMAGE_BLOCK_REQUEST)
    rows = rows[~_told_to_wait(view, rows)]
    rows = rows.assign(offset=field_of(view, rows, OFFSET), version=field_of(view, rows, VERSION))
    rows = rows[mask(rows["offset"].notna())]
    for source, part in rows.groupby("source", sort=False):
        times = part.groupby(["version", "offset"])["frame"].transform("size")
        stuck = part[mask(times > repeats)]
        if len(stuck):
            image = (
                f"image version 0x{int(stuck['version'].iloc[0]):08x}"
                if stuck["version"].notna().iloc[0]
                else "an image"
            )
            text = (
                f"offset {int(stuck['offset'].iloc[0]):,} of {image} was asked for {int(times.max())} times"
            )
            yield broken(Subject.device(source), text, stuck["frame"])
        else:
            yield kept(
                Subject.device(source), f"{plural(len(part), 'block')} asked for, none over {repeats} times"
            )


def _told_to_wait(view: View, asks: Frame, seconds: float = 60.0) -> Any:
    """Of the requests for a block, those whose answer was to wait and to ask again."""
    answers = commands(view, IMAGE_BLOCK)
    answers = answers.assign(status=field_of(view, answers, BLOCK_STATUS))
    out = np.zeros(len(asks), bool)
    for device, part in answers.groupby("destination", sort=False):
        mine = np.flatnonzero(mask(asks["source"] == device))
        times = part["seconds"].to_numpy(dtype=float)
        asked = asks["seconds"].to_numpy(dtype=float)[mine]
        at = np.searchsorted(times, asked, side="left")
        known = (at < len(times)) & (np.append(times, np.inf)[at] - asked <= seconds)
        status = np.append(part["status"].to_numpy(dtype=float), np.nan)[at]
        out[mine[known & (status == WAIT_FOR_DATA)]] = True
    return out


@rule(
    "ota-downgrade",
    "Older firmware is offered",
    severity="error",
    source="Ronen (2017); ZCL OTA upgrade cluster",
    confidence="secondary",
    merges=("attacks:A36",),
    needs=(ClusterCommands("OTA Upgrade"),),
    cause="ota",
    unseen="a Query Next Image request with the version held, and its response",
    advice="See whether the supplier means to go back; otherwise find who offers it",
    **SHOWN,
)
def ota_downgrade(view: View) -> Iterator[Evidence]:
    """The image that is offered has a file version; it should not be lower than the one that the device
    runs."""
    asks = commands(view, NEXT_IMAGE_REQUEST)
    asks = asks.assign(version=field_of(view, asks, VERSION_HELD))
    offers = commands(view, NEXT_IMAGE)
    offers = offers.assign(version=field_of(view, offers, VERSION_OFFERED))
    offers = offers[mask(offers["version"].notna())]
    held = {
        int(s): float(v) for s, v in zip(asks["source"].fillna(0), asks["version"], strict=True) if v == v
    }
    known = offers[mask(offers["destination"].isin(list(held)))]
    lower = [v < held[int(d)] for d, v in zip(known["destination"], known["version"], strict=True)]
    yield from judge(
        view, known, lower, "{bad} offering an older version", "source", "offering no older version"
    )


@rule(
    "ota-image-header",
    "A firmware file without its header",
    severity="error",
    source="GBCS 11.2.3 as modelled in gbcs.py; ZCL OTA file format",
    confidence="derived",
    merges=("rules:O02",),
    needs=(ClusterCommands("OTA Upgrade"),),
    cause="ota",
    unseen="the first block of an image",
    advice="Not an OTA file: compare it with the approved image",
    **SHOWN,
)
def ota_image_header(view: View) -> Iterator[Evidence]:
    """An OTA file begins with the identifier 0x0BEEF11E. A first block without it is no firmware file: a
    wrong file at the supplier, or damage on the way."""
    rows = commands(view, IMAGE_BLOCK)
    rows = rows.assign(offset=field_of(view, rows, BLOCK_OFFSET), data=field_of(view, rows, DATA, text=True))
    first = rows[mask(rows["offset"] == 0) & mask(rows["data"].notna())]
    text = first["data"].astype(str).str.replace(r"^0x|[: -]", "", regex=True).str.lower()
    yield from judge(
        view, first, ~mask(text.str.startswith("1ef1ee0b")), "{bad} that do not begin an OTA file", "source"
    )


@rule(
    "ota-no-activation",
    "Firmware runs without its activation command",
    severity="info",
    source="GBCS v0.8.1 11.1 (page 129)",
    confidence="text",
    merges=("spec:R095", "disapplied:47", "rules:O05", "spec:R101"),
    needs=(ClusterCommands("OTA Upgrade"), "messages"),
    cause="ota",
    unseen="an Upgrade End request with success",
    advice="Activation is a signed command of its own (CS06): look whether it came",
    **SHOWN,
)
def ota_no_activation(view: View) -> Iterator[Evidence]:
    """A completed download only stores the image. A receipt alert follows, and later the signed
    activation."""
    ends = commands(view, UPGRADE_END)
    ends = ends[mask(field_of(view, ends, END_STATUS) == SUCCESS)]
    messages = view.tables["messages"]
    after = messages[mask(messages["message_code"].isin(RECEIPTS_AND_ACTIVATIONS))]
    missing = [not mask(after["seconds"] >= s).any() for s in ends["seconds"]]
    yield from judge(
        view, ends, missing, "{bad} of a finished download without receipt or activation", "source"
    )


@rule(
    "ota-other-image",
    "Firmware of another manufacturer or type is offered",
    severity="error",
    source="ZCL OTA upgrade cluster 15-0014 6.10.5; GBCS v0.8.1 11.1",
    confidence="secondary",
    merges=("attacks:A36",),
    needs=(ClusterCommands("OTA Upgrade"),),
    cause="ota",
    unseen="a Query Next Image request, and an offer to the same device",
    advice="The device must refuse it: see who offers the image, and whether the hub was given the right one",
    **SHOWN,
)
def ota_other_image(view: View) -> Iterator[Evidence]:
    """A device asks for an image of its manufacturer and type. What is offered to it must be of these."""
    asks = _with_identity(view, commands(view, NEXT_IMAGE_REQUEST, IMAGE_BLOCK_REQUEST))
    offers = _with_identity(view, commands(view, NEXT_IMAGE, IMAGE_BLOCK))
    wanted: dict[int, set[tuple[float, float]]] = {}
    asks = asks[mask(asks["source"].notna())]
    for device, maker, kind in zip(asks["source"], asks["maker"], asks["kind"], strict=True):
        wanted.setdefault(int(device), set()).add((maker, kind))
    known = offers[mask(offers["destination"].isin(list(wanted)))]
    other = [
        (maker, kind) not in wanted[int(device)]
        for device, maker, kind in zip(known["destination"], known["maker"], known["kind"], strict=True)
    ]
    yield from judge(view, known, other, "{bad} of another image than asked for", "source", "as asked for")


def _with_identity(view: View, rows: Frame) -> Frame:
    rows = rows.assign(maker=field_of(view, rows, MAKER), kind=field_of(view, rows, KIND))
    return rows[mask(rows["maker"].notna()) & mask(rows["kind"].notna())]


@rule(
    "ota-aborted",
    "A firmware download was given up",
    severity="warning",
    source="ZCL OTA upgrade cluster 15-0014 6.10.9 (Upgrade End status)",
    confidence="secondary",
    merges=("rules:O06",),
    needs=(ClusterCommands("OTA Upgrade"),),
    cause="ota",
    unseen="Upgrade End requests",
    advice="Status 0x95 aborted, 0x96 invalid image, 0x99 more images needed: see what the device got",
    **SHOWN,
)
def ota_aborted(view: View) -> Iterator[Evidence]:
    """The device ends a download with a status. Any but success means that it has no use for what it got:
    the image is damaged, signed wrongly, or not for it. One ended by hand (ABORT) that goes on later informs."""
    ends = commands(view, UPGRADE_END)
    ends = ends.assign(status=field_of(view, ends, END_STATUS))
    ends = ends[mask(ends["status"].notna())]

    def says(bad: Frame, _: Frame) -> str:
        code = int(bad["status"].iloc[0])
        return f"ended with status {label_of('Status', code) or 'unknown'} (0x{code:02x})"

    asks = commands(view, IMAGE_BLOCK_REQUEST)
    last = asks.groupby("source", sort=False)["seconds"].max()
    again = mask(ends["source"].map(last) > ends["seconds"]) & mask(ends["status"] == ABORT)
    failed = mask(ends["status"] != SUCCESS)
    grave = mask(ends["source"].isin(ends["source"][failed & ~again].unique()))
    for part, level in ((grave, None), (~grave, "info")):
        yield from judge(
            view, ends[part], failed[part], says, "source", good="ended with success", severity=level
        )
