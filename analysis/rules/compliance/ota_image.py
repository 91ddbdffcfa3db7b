"""Firmware images: what the transferred file says of itself, its signature, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.features.identifiers import message_code
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import (
    carried_out,
    gbcs,
    hub_is_heard,
    message_items,
    party,
    station_of,
)
from analysis.rules.compliance.han_commands import (
    IMAGE_BLOCK,
    NEXT_IMAGE_REQUEST,
    UPGRADE_END,
    commands,
    field_of,
)
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of
from dissectors.zcl import Image, read_image

rule = rules_of("compliance", "ota image")

DATA, VERSION = IMAGE_BLOCK.field("image_data"), IMAGE_BLOCK.field("file_version")
OFFSET = IMAGE_BLOCK.field("file_offset")
ASKED = {
    "manufacturer": NEXT_IMAGE_REQUEST.field("manufacturer_id"), "image type": NEXT_IMAGE_REQUEST.field("image_type"),
}  # fmt: skip
TRANSFER_ALERT = message_code("CCS08")
FILE_ID = bytes.fromhex("1ef1ee0b")
SIGNATURE = 64
ON_AIR: dict[str, Any] = {"smart_energy": True, "needs": (ClusterCommands("OTA Upgrade"),), "cause": "ota"}


def _blocks(view: View) -> Frame:
    """Image blocks with ``version``, ``offset`` and ``octets``."""
    rows = commands(view, IMAGE_BLOCK)
    if rows.empty:
        return rows
    data = field_of(view, rows, DATA, text=True).astype(object)
    text = data.where(data.notna(), "").astype(str).str.replace(r"^0x|[: -]", "", regex=True)
    rows = rows.assign(
        version=field_of(view, rows, VERSION), offset=field_of(view, rows, OFFSET), octets=text
    )
    whole = mask(rows["offset"].notna()) & mask(text.str.fullmatch(r"(?:[0-9a-fA-F]{2})+"))
    return rows[whole]


def _images(view: View) -> Iterator[tuple[Any, float, dict[int, bytes], Frame]]:
    """Each transfer to a device: receiver, version, octets by offset, rows."""
    rows = _blocks(view)
    if rows.empty:
        return
    for (device, version), part in rows.groupby(
        [rows["destination"].astype("UInt64"), "version"], sort=False
    ):
        held = {int(o): bytes.fromhex(d) for o, d in zip(part["offset"], part["octets"], strict=True)}
        yield device, float(version), held, part


def _header(held: dict[int, bytes]) -> dict[str, int] | None:
    """Manufacturer, image type, version and size, from the OTA file header (ZCL 11.4.2)."""
    first = b"".join(held[o] for o in sorted(held) if o < 56)
    if 0 not in held or len(first) < 56 or not first.startswith(FILE_ID):
        return None
    places = {"manufacturer": (10, 2), "image type": (12, 2), "version": (14, 4), "size": (52, 4)}
    return {name: int.from_bytes(first[at : at + n], "little") for name, (at, n) in places.items()}


@rule(
    "ota-image-signature",
    "A firmware image without its signature",
    severity="error",
    source="GBCS 11.2.2 as modelled in gbcs.py",
    confidence="derived",
    merges=("rules:O03", "disapplied:49"),
    unseen="an image from its first block (which tells its size) to its last",
    advice="Compare the file with the approved image: the device must refuse it at activation",
    **ON_AIR,
)
def ota_image_signature(view: View) -> Iterator[Evidence]:
    """The file of an image ends with one octet that allows a forced replacement, the octet 40 and the 64
    octets of the responsible party's signature."""
    for device, version, held, part in _images(view):
        head = _header(held)
        if head is None:
            continue
        tail = _tail(held, head["size"])
        subject = Subject.device(device)
        if tail is None:
            continue
        if tail[1] != SIGNATURE or tail[0] > 1 or not any(tail[2:]):
            text = f"version {int(version):#010x} ends with {tail[:2].hex(' ')} before its last 64 octets"
            yield broken(subject, text, part["frame"].iloc[-2:])
        else:
            yield kept(
                subject, f"version {int(version):#010x} of {head['size']:,} octets ends with a signature"
            )


def _tail(held: dict[int, bytes], size: int) -> bytes | None:
    """The last 66 octets of an image, when all of them were heard."""
    octets = _octets_from(held, size - SIGNATURE - 2)
    return octets[: SIGNATURE + 2] if len(octets) >= SIGNATURE + 2 else None


def _octets_from(held: dict[int, bytes], start: int) -> bytes:
    """The octets from `start` up to the first that was not heard."""
    octets = bytearray()
    for offset in sorted(held):
        at = start + len(octets)
        if offset <= at < offset + len(held[offset]):
            octets += held[offset][at - offset :]
    return bytes(octets)


@rule(
    "activation-hash-differs",
    "Another image is activated than the one that was transferred",
    severity="warning",
    source="GBCS v0.8.1 11.1 and 11.5 (pages 129, 140); 11.2.4 as modelled in gbcs.py",
    confidence="text",
    merges=("rules:O04", "spec:R097"),
    unseen="an activation (CS06) or a receipt (0x00CE, 0x00CF) with an image hash, and all of an image before it",
    advice="Compare the hash with the approved image's: the device must refuse an activation that does not fit",
    needs=(ClusterCommands("OTA Upgrade"), "messages", "items"),
    smart_energy=True,
    cause="ota",
)
def activation_hash_differs(view: View) -> Iterator[Evidence]:
    """An activation names the image by its SHA-256, and so does the alert that a device sends when an image has
    come. The hash must be that of an image that was transferred to the device. One that came before the capture
    began may be meant, so this warns; whether the device took the activation is said beside it."""
    images = [
        (int(device), float(part["seconds"].max()), _whole(held)) for device, _, held, part in _images(view)
    ]
    named = message_items(view, ".*", "", ".*manufacturer_image_hash.*")
    good = carried_out(view)
    for row in named.itertuples():
        device = station_of(row.recipient if row.cra == "command" else row.originator)
        came = [image for to, end, image in images if image and to == device and end < row.seconds]
        said = str(row.value).lower()
        if not came or row.cra == "response":
            continue
        subject = Subject.device(device)
        what = "activation" if row.cra == "command" else "receipt"
        if any(said in image.hashes for image in came):
            yield kept(subject, f"the {what} names an image that was transferred ({said[:16]}...)")
            continue
        text = f"the {what} names {said[:16]}..., no image that was transferred"
        if row.cra == "command":
            text += "; the device took it" if int(row.message) in good else "; no device said that it took it"
        yield broken(subject, text, row.frames)


def _whole(held: dict[int, bytes]) -> Image | None:
    """The image, when all of it was heard."""
    head, octets = _header(held), _octets_from(held, 0)
    return read_image(octets) if head is not None and len(octets) == head["size"] else None


@rule(
    "ota-identity",
    "The image is not of the kind that the device asked for",
    severity="error",
    source="GBCS v4.0 use-case annex (firmware rows)",
    confidence="text",
    merges=("spec:R103", "disapplied:48"),
    unseen="a Query Next Image request of a device, and the first block that it gets",
    advice="Manufacturer, image type and version of file and offer must agree: see who made the offer",
    **ON_AIR,
)
def ota_identity(view: View) -> Iterator[Evidence]:
    """Manufacturer code, image type and file version identify firmware everywhere: in the file's header, in
    the offer, and in what the device later reports of itself. They must agree."""
    asks = commands(view, NEXT_IMAGE_REQUEST)
    asks = asks.assign(**{name: field_of(view, asks, field) for name, field in ASKED.items()})
    asks = asks.dropna(subset=list(ASKED))
    for device, version, held, part in _images(view):
        head = _header(held)
        mine = asks[mask(asks["source"] == device)]
        if head is None or mine.empty:
            continue
        wanted = {name: int(mine[name].iloc[0]) for name in ASKED} | {"version": int(version)}
        other = [f"{n} {head[n]:#x}, not {v:#x}" for n, v in wanted.items() if head[n] != v]
        if other:
            yield broken(
                Subject.device(device), f"the file's header says {'; '.join(other)}", part["frame"][:2]
            )
        else:
            yield kept(
                Subject.device(device), f"image {head['image type']:#06x} version {head['version']:#010x}"
            )


@rule(
    "hub-image-alert",
    "The hub said nothing about a firmware transfer",
    severity="info",
    source="table newer than GBCS v4.0 (CCS08)",
    confidence="text",
    merges=("spec:R104",),
    unseen="an Upgrade End request, and messages of the hub itself (they do not cross the HAN) for ten minutes after it",
    advice="The supplier does not learn that the transfer ended: see whether the hub knows CCS08",
    smart_energy=True,
    needs=(ClusterCommands("OTA Upgrade"), "messages"),
    cause="ota",
)
def hub_image_alert(view: View, *, seconds: float = 600.0, early: float = 5.0) -> Iterator[Evidence]:
    """When a transfer ends, well or badly, the hub tells it by alert 0x0128: image discarded, wrong hardware,
    transfer failed or successful. It does so over the wide area network: judged where the capture holds messages of the
    hub itself."""
    if not hub_is_heard(view):
        return
    alerts = gbcs(view, "alert")
    told = alerts.loc[mask(alerts["message_code"] == TRANSFER_ALERT), "seconds"].to_numpy(dtype=float)
    for row in commands(view, UPGRADE_END).itertuples():
        if row.seconds + seconds > view.duration:
            continue
        subject = Subject.device(row.source)
        if ((told >= row.seconds - early) & (told <= row.seconds + seconds)).any():
            yield kept(subject, f"alert 0x0128 after frame {row.frame}")
        else:
            yield broken(subject, f"no alert 0x0128 within {seconds:.0f} s", [row.frame])


@rule(
    "old-image-activated",
    "An image that was replaced is activated again",
    severity="error",
    source="Honeywell AS302P manual (M450 001 1D) page 42",
    confidence="secondary",
    merges=("spec:R102",),
    needs=("messages", "items"),
    cause="ota",
    unseen="two activations (CS06) of one device with their image hashes",
    advice="A device keeps one active and one pending image: a success for an older one is a downgrade",
)
def old_image_activated(view: View) -> Iterator[Evidence]:
    """A device holds one active and one pending image. Activating an image that was followed by another must
    fail, unless it was downloaded anew."""
    hashes = message_items(view, "CS06", "command", ".*hash.*").drop_duplicates("message")
    good = carried_out(view)
    downloads = commands(view, UPGRADE_END)
    for device, part in hashes.sort_values("seconds").groupby("recipient", sort=False):
        seen: list[tuple[str, float]] = []
        stale: list[Any] = []
        for row in part.itertuples():
            last = max((t for h, t in seen if h == row.value), default=None)
            newer = [t for h, t in seen if h != row.value and last is not None and t > last]
            again = mask(downloads["seconds"] > (last or 0)) & mask(downloads["seconds"] < row.seconds)
            if newer and int(row.message) in good and not again.any():
                stale.append(row)
            seen.append((row.value, row.seconds))
        if len(part) < 2:
            continue
        subject = party(device)
        if stale:
            frames = [f for row in stale for f in row.frames]
            yield broken(subject, f"{plural(len(stale), 'activation')} of an earlier image succeeded", frames)
        else:
            yield kept(subject, f"{plural(len(part), 'activation')}, none of an earlier image")
