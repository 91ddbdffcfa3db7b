"""Rules on ota image: what breaks each of them, and what keeps it."""

from hashlib import sha256
from typing import Any

from tests.analysis.compliance import gbcs_tables as messages
from tests.analysis.compliance.rows import Rows, alert, at, command, home
from tests.analysis.frames import HUB, METER
from tests.analysis.verdicts import Case, each_of

OTA, VERSION, MANUFACTURER, KIND = 0x0019, 7, 0x1234, 2


def file_of(*, tail: bytes = bytes((0, 64)) + b"s" * 64, kind: int = KIND) -> bytes:
    """An OTA file: header of 56 octets (ZCL 11.4.2), some code, the signature with what leads to it."""
    body = b"c" * 100
    words = (
        (0x0BEEF11E, 4),
        (0x0100, 2),
        (56, 2),
        (0, 2),
        (MANUFACTURER, 2),
        (kind, 2),
        (VERSION, 4),
        (2, 2),
    )
    head = b"".join(v.to_bytes(n, "little") for v, n in words) + bytes(32)
    return head + (56 + len(body) + len(tail)).to_bytes(4, "little") + body + tail


def download(octets: bytes, asks: bool = True) -> Rows:
    rows = command(1, OTA, 0x01, METER, HUB, manufacturer_id=MANUFACTURER, image_type=KIND) if asks else []
    for offset in range(0, len(octets), 50):
        data = octets[offset : offset + 50].hex()
        fields = {"status": 0, "file_version": VERSION, "file_offset": offset, "image_data": data}
        rows += command(2 + offset / 10, OTA, 0x05, HUB, METER, direction="to-client", **fields)
    return rows


def image(**more: Any) -> Any:
    return home(commands=download(file_of(**more)))


def ended(alerted: bool) -> Any:
    told = [alert(60, message_code=0x0128) | {"cra": "alert"}] if alerted else []
    ends = command(5, OTA, 0x06, METER, HUB, status=0)
    return home(commands=ends, messages=[alert(1) | {"cra": "alert", "message_code": 1}, *told], until=2000)


def activated(*hashes: str) -> Any:
    commands = [messages.command(0x12, n * 100.0, use_case="CS06") for n in range(len(hashes))]
    answers = [messages.response(0x12, n * 100.0 + 1, answers=n + 1) for n in range(len(hashes))]
    items = [
        messages.item(n, object="activate_firmware.manufacturer_image_hash", value=h)
        for n, h in enumerate(hashes, 1)
    ]
    return messages.capture([*commands, *answers], items)


def activated_after_download(octets: bytes, said: bytes, until: int | None = None) -> Any:
    """An image of which `until` octets were heard, then an activation that names the SHA-256 of `said`."""
    tables = messages.capture(
        [messages.command(0x12, 500.0, use_case="CS06", recipient=f"{METER:016x}")],
        [
            messages.item(
                1, object="activate_firmware.manufacturer_image_hash", value=sha256(said).hexdigest()
            )
        ],
    )
    heard = home(commands=download(octets)[: None if until is None else until])
    return {**heard, "messages": tables["messages"], "items": tables["items"]}


CASES: dict[str, Case] = {
    "activation-hash-differs": (
        lambda: activated_after_download(file_of(), b"other"),
        lambda: activated_after_download(file_of(), file_of()[56:-66]),
    ),
    "ota-image-signature": (lambda: image(tail=bytes(66)), image),
    "ota-identity": (lambda: image(kind=KIND + 1), image),
    "hub-image-alert": (lambda: ended(alerted=False), lambda: ended(alerted=True)),
    "old-image-activated": (lambda: activated("aa", "bb", "aa"), lambda: activated("aa", "bb", "cc")),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_an_image_that_ends_early_is_not_judged() -> None:
    from analysis.engine.checking import check

    result = check(home(commands=download(file_of())[:-4]), rules=["ota-image-signature"])
    assert not result.findings and {v.state for v in result.verdicts} == {"not seen"}
    assert at(0)
