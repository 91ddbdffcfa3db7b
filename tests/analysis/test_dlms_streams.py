"""DLMS meters in a capture of IP packets: rows of packets, messages and items."""

from pathlib import Path

from analysis.pipeline.decode import decode
from captures import CapturedFrame, write_capture
from dissectors.dlms import build_apdu
from dissectors.dlms.carriers.wrapper import build_wrapper


def ethernet(source: int, payload: bytes) -> bytes:
    ports = (50000, 4059) if source == 1 else (4059, 50000)
    udp = b"".join(p.to_bytes(2, "big") for p in (*ports, 8 + len(payload), 0)) + payload
    ip = bytes.fromhex("4500") + (20 + len(udp)).to_bytes(2, "big") + bytes.fromhex("0000 4000 4011 0000")
    return bytes(12) + b"\x08\x00" + ip + bytes((10, 0, 0, source)) + bytes((10, 0, 0, 3 - source)) + udp


def test_a_meter_on_udp_fills_messages_and_items(tmp_path: Path) -> None:
    request = build_apdu(
        "get-request",
        {"invoke_id_and_priority": 0xC1, "attribute": (1, "0-0:96.1.0.255", 2), "selection": None},
        "normal",
    )
    result = {"choice": "data", "data": ("visible-string", "SERIAL-7")}
    answer = build_apdu("get-response", {"invoke_id_and_priority": 0xC1, "get_result": result}, "normal")
    path = tmp_path / "meter.pcapng"
    frames = [
        CapturedFrame(ethernet(1, build_wrapper(16, 1, request)), 1_000_000_000, link_type=1),
        CapturedFrame(ethernet(2, build_wrapper(1, 16, answer)), 1_100_000_000, link_type=1),
    ]
    write_capture(path, frames, format="pcapng")
    decoded = decode(path)
    assert decoded.messages["name"].tolist() == ["get-request", "get-response"]
    assert decoded.packets["protocol"].tolist() == ["DLMS", "DLMS"]
    item = decoded.items.iloc[-1]
    assert (item["obis"], item["value"], item["result"]) == ("0-0:96.1.0.255", "SERIAL-7", "success")
