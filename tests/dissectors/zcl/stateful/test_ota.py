"""OTA: images put together from blocks in any order, what is missing is listed, files read and built."""

import random
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.model.context import HanContext
from dissectors.zcl import build_command
from dissectors.zcl.stateful.ota import Download, DownloadKey, downloads
from dissectors.zcl.stateful.ota_image import build_image, image_size, read_image
from tests.dissectors.zcl.support import HUB, METER, hold, read

HEADER = {
    "field_control": 4,
    "manufacturer_code": 0x10C7,
    "image_type": 0x0001,
    "file_version": 0x02040001,
    "zigbee_stack_version": 2,
    "header_string": "GB gas meter",
    "minimum_hardware_version": 1,
    "maximum_hardware_version": 9,
}
IDENTITY = {"manufacturer_id": 0x10C7, "image_type": 0x0001, "file_version": 0x02040001}


def firmware(length: int = 700) -> bytes:
    return random.Random(7).randbytes(length)


def send(context: HanContext, command: int, values: dict[str, Any], frame: int = 1) -> list[str]:
    direction = "to-client" if command in (2, 5, 7, 9) else "to-server"
    octets = build_command(0x0019, direction, command, values)  # type: ignore[arg-type]
    return [issue.text for issue in read(octets, 0x0019, context, frame=frame).issues]


def block(context: HanContext, octets: bytes, offset: int, size: int = 63, frame: int = 1) -> list[str]:
    data = octets[offset : offset + size]
    values = {"status": 0, **IDENTITY, "file_offset": offset, "data_size": len(data), "image_data": data}
    return send(context, 5, values, frame)


def test_a_gbcs_image_in_any_order() -> None:
    context = HanContext()
    octets = build_image(HEADER, firmware(), signature=bytes(range(64)))
    assert len(octets) == 60 + 700 + 2 + 64
    send(context, 2, {"status": 0, **IDENTITY, "image_size": len(octets)})
    offsets = list(range(0, len(octets), 63))
    random.Random(1).shuffle(offsets)
    told = [text for n, offset in enumerate(offsets) for text in block(context, octets, offset, frame=10 + n)]
    send(context, 6, {"status": 0, **IDENTITY})
    (download,) = downloads(context)
    assert download.key == DownloadKey(METER, HUB, 0x10C7, 1, 0x02040001)
    assert download.complete and download.octets() == octets and download.missing() == []
    assert download.frames == (10, 9 + len(offsets)) and download.status == 0
    image = download.image()
    assert image.kind == "gbcs" and image.payload == firmware()
    assert image.sha256 == sha256(octets).hexdigest()
    assert any(image.sha256 in text for text in told) or download.reported


def test_the_last_block_tells_the_hash() -> None:
    context = HanContext()
    octets = build_image(HEADER, firmware(100))
    told = [text for offset in range(0, len(octets), 63) for text in block(context, octets, offset)]
    assert told == [f"image complete: {len(octets)} octets, zcl, SHA-256 {sha256(octets).hexdigest()}"]


def test_missing_blocks_are_listed() -> None:
    context = HanContext()
    octets = build_image(HEADER, firmware())
    for offset in range(0, len(octets), 63):
        if offset not in (63, 126, 315):
            block(context, octets, offset)
    (download,) = downloads(context)
    assert download.missing() == [(63, 189), (315, 378)] and not download.complete
    assert download.received == len(octets) - 189
    issues = send(context, 6, {"status": 0, **IDENTITY})
    assert issues == ["the client has the image, these octets were not seen: 63-188, 315-377"]


def test_repeated_and_conflicting_blocks() -> None:
    download = Download(DownloadKey(1, 2, 3, 4, 5), size=8)
    download.add(0, b"abcd", 1)
    download.add(0, b"abcd", 2)
    download.add(4, b"efgh", 3)
    assert download.complete and not download.conflicts
    download.add(4, b"efgX", 4)
    assert download.conflicts == [4]


def test_downloads_of_two_clients_stay_apart() -> None:
    one = Download(DownloadKey(1, 2, 3, 4, 5))
    assert one.missing() == [] and not one.complete and one.octets() == b""


@pytest.mark.parametrize("signature", [None, bytes(64)])
@pytest.mark.parametrize("control", range(8))
def test_a_file_is_built_and_read(control: int, signature: bytes | None) -> None:
    header = {**HEADER, "field_control": control, "security_credential_version": 3}
    header["upgrade_file_destination"] = METER
    octets = build_image(header, firmware(90), signature=signature)
    image = read_image(octets)
    assert not image.issues and image.kind == ("gbcs" if signature else "zcl")
    assert image_size(octets) == len(octets)
    assert build_image(image.header, image.payload, signature=signature) == octets
    check(octets)


def test_elements_are_named() -> None:
    signer = METER.to_bytes(8, "little")
    certificate = bytes.fromhex(
        "03045FDFC8D85FFB8B3993CB72DDCAA55F00B3E87D6D0000000000000001544553545345434101090006000000000000"
    )
    elements = ((2, certificate), (1, signer + bytes(42)), (0xF001, b"own"))
    image = read_image(build_image(HEADER, b"code", elements=elements))
    assert [f.meaning for f in image.fields[1:]] == [
        "UpgradeImage",
        "EcdsaSigningCertificate",
        "EcdsaSignature",
        "unknown 0xF001",
    ]
    assert image.fields[2].find("subject").meaning == "0000000000000001"  # type: ignore[union-attr]
    assert image.fields[3].find("signer").value == METER  # type: ignore[union-attr]


def check(octets: bytes) -> None:
    from dissectors.model.field import Field

    image = read_image(octets)
    hold(Field("image", buffer="image", length=len(octets), children=image.fields), len(octets))


def test_every_truncation_is_read() -> None:
    octets = build_image(HEADER, firmware(40), signature=bytes(64))
    for length in range(len(octets)):
        check(octets[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_file_is_read(octets: bytes, magic: bool) -> None:
    check(b"\x1e\xf1\xee\x0b" + octets if magic else octets)
