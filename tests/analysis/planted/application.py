"""The clusters: time, prices, load control, firmware, key establishment, tunnels, link keys."""

from __future__ import annotations

import struct
from typing import Any

from dissectors.zcl.build import build_payload
from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import carry, forge, say, zcl

TIME, KEEP_ALIVE, OTA, PRICE, LOAD, METERING, MESSAGING, TUNNEL, PREPAYMENT, CALENDAR, DEVICE, CBKE = (
    0x000A, 0x0025, 0x0019, 0x0700, 0x0701, 0x0702, 0x0703, 0x0704, 0x0705, 0x0707, 0x0708, 0x0800,
)  # fmt: skip
EPOCH_2000 = 946_684_800
YEAR = 31_557_600


def serve_time(recording: Recording, server: Station, client: Station, at: int, error: float) -> None:
    """A Read Attributes Response with UTC Time, off by `error` seconds."""
    value = round(at / SECOND - EPOCH_2000 + error) & 0xFFFFFFFF
    asdu = zcl(1, struct.pack("<HBBI", 0, 0, 0xE2, value), to_client=True, general=True)
    say(recording, server, client, at, TIME, asdu)


@plant("the hub's time is years off for a while", "time-step")
def time_years(recording: Recording) -> None:
    hub, at = recording["CHF"], recording.moment(0.4, 0.6)
    serve_time(recording, hub, recording["PPMID"], recording.moment(0.05, 0.1), 0)
    for _ in range(recording.count(2)):
        serve_time(recording, hub, recording.one_of("PPMID", "IHD", "CAD"), at, -3 * YEAR)
        at = recording.quiet(at + 20 * SECOND)


@plant(
    "the hub's time is years off from the beginning",
    "time-differs",
    "time-step",
    base="hour",
)
def time_always_wrong(recording: Recording) -> None:
    hub, at = recording["CHF"], recording.start + 2 * SECOND
    rows = recording.packets
    answers = rows[(rows["aps_cluster"] == TIME) & (rows["zcl_direction"] == "to-client")]
    recording.remove(recording.chosen(answers))
    for _ in range(4):
        serve_time(
            recording,
            hub,
            recording.one_of("PPMID", "IHD", "CAD", "ESME"),
            recording.quiet(at),
            4 * YEAR * recording.strength,
        )
        at += 500 * SECOND


@plant("the hub's time drifts by a second a minute", "time-drifts", base="hour")
def time_drifts(recording: Recording) -> None:
    hub, at = recording["CHF"], recording.start + 10 * SECOND
    while at < recording.end - 60 * SECOND:
        error = (at - recording.start) / SECOND / 60 * recording.strength
        serve_time(recording, hub, recording.one_of("PPMID", "IHD", "CAD"), recording.quiet(at), error)
        at += 150 * SECOND


@plant("a display serves the time", "time-source")
def time_by_display(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(2)):
        serve_time(recording, recording["IHD"], recording["CHF"], at, 0)
        at = recording.quiet(at + 30 * SECOND)


def price(recording: Recording, at: int) -> bytes:
    now = at // SECOND - EPOCH_2000
    values: dict[str, Any] = {
        "provider_id": 7, "rate_label": b"Cheap", "issuer_event_id": 99, "current_time": now, "unit_of_measure": 0,
        "currency": 826, "price_trailing_digit_and_price_tier": 0x41, "number_of_price_tiers_and_register_tier": 0x11,
        "start_time": now, "duration_in_minutes": 60, "price": 1, "price_ratio": 0xFF, "generation_price": 0xFFFFFFFF,
        "generation_price_ratio": 0xFF, "alternate_cost_delivered": 0xFFFFFFFF, "alternate_cost_unit": 0xFF,
        "alternate_cost_trailing_digit": 0xFF, "number_of_block_thresholds": 0xFF, "price_control": 0,
    }  # fmt: skip
    return zcl(0, build_payload(PRICE, "to-client", 0, values), to_client=True)


@plant("a price from a device that is no meter and no hub", "han-data-source")
def price_by_display(recording: Recording) -> None:
    liar, at = recording.one_of("CAD", "IHD"), recording.moment()
    for _ in range(recording.count(2)):
        asdu = price(recording, at)
        say(recording, liar, recording["PPMID"], at, PRICE, asdu, key=bytes(range(16)), link=False)
        at = recording.quiet(at + 30 * SECOND)


@plant("a message for the display from another display", "han-data-source")
def text_by_display(recording: Recording) -> None:
    at = recording.moment()
    values = {
        "message_id": 5, "message_control": 0, "start_time": 0, "duration_in_minutes": 60,
        "message": "Call this number", "optional_extended_message_control": 0,
    }  # fmt: skip
    for _ in range(recording.count(1)):
        asdu = zcl(0, build_payload(MESSAGING, "to-client", 0, values), to_client=True)
        say(recording, recording["IHD"], recording["PPMID"], at, MESSAGING, asdu, link=False)
        at = recording.quiet(at + 30 * SECOND)


@plant("meter readings that a display makes up", "han-data-source")
def reading_by_display(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(2)):
        asdu = zcl(
            0x0A, struct.pack("<HB", 0, 0x25) + (4711).to_bytes(6, "little"), to_client=True, general=True
        )
        say(recording, recording["IHD"], recording["PPMID"], at, METERING, asdu, link=False)
        at = recording.quiet(at + 30 * SECOND)


@plant("load control from a display", "load-control-source", "type-2-writes", "han-data-source")
def load_by_display(recording: Recording) -> None:
    liar, at = recording.one_of("IHD", "CAD", "PPMID"), recording.moment()
    values = {
        "issuer_event_id": 3, "device_class": 1, "utility_enrollment_group": 0, "start_time": 0,
        "duration_in_minutes": 30, "criticality_level": 7, "cooling_temperature_offset": 0xFF,
        "heating_temperature_offset": 0xFF, "cooling_temperature_set_point": -0x8000,
        "heating_temperature_set_point": -0x8000, "average_load_adjustment_percentage": 0, "duty_cycle": 0xFF,
        "event_control": 0,
    }  # fmt: skip
    for _ in range(recording.count(1)):
        asdu = zcl(0, build_payload(LOAD, "to-client", 0, values), to_client=True)
        say(recording, liar, recording["HCALCS"], at, LOAD, asdu, link=False)
        at = recording.quiet(at + 30 * SECOND)


def firmware(
    recording: Recording, server: Station, client: Station, at: int, command: int, values: dict[str, Any]
) -> int:
    asdu = zcl(command, build_payload(OTA, "to-client", command, values), to_client=True)
    say(recording, server, client, at, OTA, asdu)
    return recording.quiet(at + 2 * SECOND)


FILE = {"status": 0, "manufacturer_id": 0x1234, "image_type": 1, "file_version": 0x00020000}


@plant("older firmware is offered", "ota-downgrade")
def firmware_older(recording: Recording) -> None:
    hub, device, at = recording["CHF"], recording.one_of("PPMID", "ESME"), recording.moment()
    for _ in range(recording.count(1)):
        ask = b"\x00" + struct.pack("<HHI", 0x1234, 1, 0x00030005)
        say(recording, device, hub, at, OTA, zcl(1, ask))
        at = firmware(
            recording, hub, device, recording.quiet(at + SECOND // 2), 2, {**FILE, "image_size": 5000}
        )


@plant("firmware of another manufacturer than asked for", "ota-other-image")
def firmware_foreign(recording: Recording) -> None:
    hub, device, at = recording["CHF"], recording.one_of("PPMID", "ESME"), recording.moment()
    for _ in range(recording.count(1)):
        ask = b"\x00" + struct.pack("<HHI", 0x1234, 1, 0x00010000)
        say(recording, device, hub, at, OTA, zcl(1, ask))
        answer = {**FILE, "manufacturer_id": 0x4321, "image_size": 5000}
        at = firmware(recording, hub, device, recording.quiet(at + SECOND // 2), 2, answer)


@plant("a firmware download is given up", "ota-aborted", base="firmware")
def firmware_aborted(recording: Recording) -> None:
    hub, device, at = recording["CHF"], recording.one_of("PPMID", "ESME"), recording.moment(0.3, 0.9)
    for _ in range(recording.count(1)):
        status = recording.rng.choice([0x95, 0x96, 0x99])
        end = bytes([status]) + struct.pack("<HHI", 0x1234, 1, 0x00020000)
        say(recording, device, hub, at, OTA, zcl(6, end))
        at = recording.quiet(at + 20 * SECOND)


@plant("firmware from a display", "ota-source")
def firmware_by_display(recording: Recording) -> None:
    at = recording.moment()
    for _ in range(recording.count(2)):
        at = firmware(recording, recording["CAD"], recording["ESME"], at, 2, {**FILE, "image_size": 5000})


@plant("key establishment is ended, with every status", "cbke-terminated")
def cbke_ended(recording: Recording) -> None:
    device, hub, at = recording.one_of("PPMID", "IHD", "CAD"), recording["CHF"], recording.moment()
    for status in range(1, 1 + recording.count(3)):
        say(
            recording,
            hub,
            device,
            at,
            CBKE,
            zcl(3, struct.pack("<BBH", status, 10, 2), to_client=True),
            link=False,
        )
        at = recording.quiet(at + 15 * SECOND)


@plant("key establishment with the certificate of another device", "cbke-certificate-subject")
def cbke_stranger(recording: Recording) -> None:
    device, hub, at = recording.one_of("PPMID", "IHD"), recording["CHF"], recording.moment()
    for _ in range(recording.count(1)):
        identity = bytes([0]) * 5 + recording.rng.randbytes(69)
        say(recording, device, hub, at, CBKE, zcl(0, struct.pack("<HBB", 2, 10, 10) + identity), link=False)
        at = recording.quiet(at + 60 * SECOND)


@plant("Smart Energy data without a link key", "smart-energy-without-link-key")
def no_link_key(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(3)):
        say(recording, device, recording["ESME"], at, METERING, zcl(0, b"\x00\x00", general=True), link=False)
        at = recording.quiet(at + 20 * SECOND)


@plant("Smart Energy data under the network key at the APS layer", "smart-energy-key-id")
def aps_network_key(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for _ in range(recording.count(3)):
        header = assemble.aps_data(METERING, 0x0109, 1, 1, 8, secured=True)
        body = zcl(0, b"\x00\x00", general=True)
        control = bytes([assemble.KEY_NETWORK << 3 | 1 << 5])
        counter = recording.rng.randrange(1 << 20)
        aux = control + struct.pack("<IQB", counter, device.eui64, recording.key_sequence)
        from tests.analysis.planted.layers import Aux, sealed

        apdu = sealed(header, Aux(control[0], device.eui64, aux[5:], recording.key), counter, body)
        last = int(recording.packets[recording.packets["nwk_sender"] == device.eui64]["nwk_counter"].max())
        forge(recording, device, recording["ESME"].short, at, apdu, last + counter, rssi=device.rssi)
        at = recording.quiet(at + 20 * SECOND)


@plant("application data without any security", "nwk-unsecured-frame")
def unsecured(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment()
    for n in range(recording.count(2)):
        apdu = assemble.aps_data(METERING, 0x0109, 1, 1, n) + zcl(0, b"\x00\x00", general=True)
        forge(recording, device, recording["ESME"].short, at, apdu, 0, secured=False)
        at = recording.quiet(at + 20 * SECOND)


@plant("tunnel data from a display that has no tunnel", "tunnel-injection", "tunnel-id-unknown", base="hour")
def tunnel_stranger(recording: Recording) -> None:
    liar, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment(0.8, 0.9)
    for _ in range(recording.count(2)):
        payload = struct.pack("<H", 1) + b"\xdd" + recording.rng.randbytes(30)
        say(recording, liar, recording["ESME"], at, TUNNEL, zcl(2, payload))
        at = recording.quiet(at + 20 * SECOND)


@plant(
    "tunnel data under a number that was never given", "tunnel-id-unknown", "tunnel-injection", base="hour"
)
def tunnel_number(recording: Recording) -> None:
    at = recording.moment(0.8, 0.9)
    for _ in range(recording.count(2)):
        carry(
            recording,
            recording["CHF"],
            recording["ESME"],
            at,
            b"\xdd" + recording.rng.randbytes(20),
            tunnel=0x4444,
        )
        at = recording.quiet(at + 20 * SECOND)


@plant("requests for tunnels until there are none", "tunnel-flood")
def tunnel_requests(recording: Recording) -> None:
    device, at = recording.one_of("PPMID", "IHD", "CAD"), recording.moment(0.3, 0.5)
    for _ in range(6 + recording.count(8)):
        say(
            recording, device, recording["ESME"], at, TUNNEL, zcl(0, struct.pack("<BHBH", 6, 0xFFFF, 0, 1500))
        )
        at = recording.quiet(at + 3 * SECOND)


@plant("top-up codes are tried at the display", "top-up-guessing")
def top_ups_guessed(recording: Recording) -> None:
    display, meter, at = recording["PPMID"], recording["ESME"], recording.moment(0.1, 0.3)
    for n in range(4 + recording.count(2)):
        code = f"{recording.rng.randrange(10**20):020d}".encode()
        payload = build_payload(PREPAYMENT, "to-server", 4, {"originating_device": 2, "top_up_code": code})
        say(recording, display, meter, at, PREPAYMENT, zcl(4, payload, sequence=n))
        values = {"result_type": 1, "top_up_value": 0, "source_of_top_up": 2, "credit_remaining": 100}
        answer = build_payload(PREPAYMENT, "to-client", 3, values)
        at = recording.quiet(at + SECOND)
        say(recording, meter, display, at, PREPAYMENT, zcl(3, answer, to_client=True, sequence=n))
        at = recording.quiet(at + 30 * SECOND)


@plant("one top-up code is accepted twice", "top-up-code-again", base="prepayment")
def top_up_twice(recording: Recording) -> None:
    display, meter, at = recording["PPMID"], recording["ESME"], recording.moment(0.6, 0.8)
    code = f"{recording.rng.randrange(10**20):020d}".encode()
    for n in range(2):
        payload = build_payload(PREPAYMENT, "to-server", 4, {"originating_device": 2, "top_up_code": code})
        say(recording, display, meter, at, PREPAYMENT, zcl(4, payload, sequence=n))
        values = {
            "result_type": 0,
            "top_up_value": 500,
            "source_of_top_up": 2,
            "credit_remaining": 4000 + 500 * n,
        }
        answer = build_payload(PREPAYMENT, "to-client", 3, values)
        at = recording.quiet(at + SECOND)
        say(recording, meter, display, at, PREPAYMENT, zcl(3, answer, to_client=True, sequence=n))
        at = recording.quiet(at + 100 * SECOND)


@plant("a register goes back", "consumption-sample")
def register_back(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording["PPMID"], recording.moment(0.3, 0.5)
    for value in (9_000_000, 8_000_000):
        asdu = zcl(
            0x0A, struct.pack("<HB", 0, 0x25) + value.to_bytes(6, "little"), to_client=True, general=True
        )
        say(recording, meter, display, at, METERING, asdu)
        at = recording.quiet(at + 30 * SECOND)
