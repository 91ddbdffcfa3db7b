"""Every code with which a device of the home answers (`analysis/rules/refusals/response_codes.csv`), answered several times by a
device of a simulated home, and what the rules say of it.

    python -m tests.analysis.field_codes                  # writes docs/response_codes.md
    python -m tests.analysis.field_codes --kinds nwk zdp  # these: printed

*told*: a finding that names its frames says what the code means. *in part*: one names the frames and does not say it. *not*: none.
*right*: a code that is no fault, of which none warns. *waits*: one that asks to wait; it is told when it comes again and again."""

from __future__ import annotations

import argparse
import re
import struct
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from analysis.engine.checking import check
from analysis.findings.model import Finding
from analysis.rules.refusals.codes import rows_of
from captures.simulated.remote.smki import AGREEMENT, SIGNATURE, Smki
from dissectors.gbcs import (
    MessageHeader,
    build,
    build_der,
    notification,
    response_payload,
    structure,
)
from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import base, decoded_of
from tests.analysis.planted.messages import SUPPLIER, Desk
from tests.analysis.planted.recording import SECOND, Recording
from tests.analysis.planted.speech import say, tell, zcl
from tests.analysis.planted.talks import replaced

__all__ = ["PLAYERS", "Said", "elsewhere", "heard_rows", "play"]

Row = dict[str, str]
Player = Callable[[Recording, int, int], None]
"""Puts a code into a recording from a time (nanoseconds) on."""
TIMES, APART = 6, 9
PAGE = Path("docs/response_codes.md")
HOME = "hour"
elsewhere = {
    "duis": "an answer of the DCC to its user; `hanscope message` names it, no radio carries it",
    "display": "what a meter shows on its own display during installation",
}
"""Kinds that no capture of a home holds, and why."""
PLAYERS: dict[str, Player] = {}


@dataclass(frozen=True, slots=True)
class Said:
    """What the rules said of one code: how (`told`, `in part`, `not`, `right`, `alarm`), the rules with their severity, and one
    sentence."""

    row: Row
    how: str
    rules: tuple[str, ...] = ()
    sentence: str = ""


def player(*kinds: str) -> Callable[[Player], Player]:
    """Registers who plays the codes of a kind."""

    def register(plays: Player) -> Player:
        PLAYERS.update(dict.fromkeys(kinds, plays))
        return plays

    return register


def heard_rows() -> list[Row]:
    """The codes that a capture of a home can hold."""
    return [row for row in rows_of("response_codes") if row["of"] not in elsewhere]


# --- who answers with them


def spaced(recording: Recording, at: int, times: int = TIMES) -> Iterator[tuple[int, int]]:
    for number in range(times):
        at = recording.quiet(at)
        yield number, at
        at += APART * SECOND


@player("zcl")
def zcl_status(recording: Recording, code: int, at: int) -> None:
    """The meter refuses a display's request for the price, by a default response; codes of firmware are the hub's to a block."""
    if 0x95 <= code <= 0x9A:
        _block_refused(recording, code, at)
        return
    display, meter = recording["IHD"], recording["ESME"]
    for number, when in spaced(recording, at):
        say(recording, display, meter, when, 0x0700, zcl(0x00, b"\x01", sequence=number))
        answer = zcl(0x0B, bytes([0x00, code]), to_client=True, general=True, sequence=number)
        say(recording, meter, display, recording.quiet(when + SECOND // 4), 0x0700, answer)


def _block_refused(recording: Recording, code: int, at: int) -> None:
    hub, device = recording["CHF"], recording["HCALCS"]
    for number, when in spaced(recording, at):
        ask = b"\0" + struct.pack("<HHIIB", 0x1234, 1, 2, 0, 50)
        say(recording, device, hub, when, 0x0019, zcl(0x03, ask, sequence=number))
        answer = bytes([code]) + (struct.pack("<IIH", 0, 9, 0) if code == 0x97 else b"")
        when = recording.quiet(when + SECOND // 4)
        say(recording, hub, device, when, 0x0019, zcl(0x05, answer, to_client=True, sequence=number))


@player("zdp")
def zdp_status(recording: Recording, code: int, at: int) -> None:
    hub, device = recording["CHF"], recording["CAD"]
    for number, when in spaced(recording, at):
        asked = struct.pack("<BQBHBQB", number, hub.eui64, 1, 0x0702, 3, device.eui64, 1)
        say(recording, device, hub, when, 0x0021, asked, profile=0, endpoints=(0, 0))
        when = recording.quiet(when + SECOND // 4)
        say(recording, hub, device, when, 0x8021, bytes([number, code]), profile=0, endpoints=(0, 0))


@player("aps")
def aps_status(recording: Recording, code: int, at: int) -> None:
    """The hub confirms a link key (APS Confirm Key, 05-3474-22 4.4.11.8)."""
    hub, device = recording["CHF"], recording["HCALCS"]
    for _, when in spaced(recording, at, 2):
        ask = assemble.aps_header_command(recording.rng.randrange(256), secured=False)
        ask += b"\x0f\x04" + struct.pack("<Q", device.eui64) + bytes(16)
        tell(recording, device, hub.short, when, ask, command=False, receiver=hub)
        confirm = assemble.aps_header_command(recording.rng.randrange(256), secured=False)
        confirm += bytes([0x10, code, 0x04]) + struct.pack("<Q", device.eui64)
        tell(
            recording, hub, device.short, recording.quiet(when + SECOND // 4), confirm, command=False,
            receiver=device,
        )  # fmt: skip


@player("update-device")
def update_device(recording: Recording, code: int, at: int) -> None:
    """A router tells the hub what a device at it did (APS Update Device)."""
    router, hub, device = recording["ESME"], recording["CHF"], recording["IHD"]
    for _, when in spaced(recording, at, 1):
        told = assemble.aps_header_command(recording.rng.randrange(256), secured=False)
        told += b"\x06" + struct.pack("<QHB", device.eui64, device.short, code)
        tell(recording, router, hub.short, when, told, command=False, receiver=hub)


@player("nwk")
def network_status(recording: Recording, code: int, at: int) -> None:
    router, hub, device = recording["ESME"], recording["CHF"], recording["IHD"]
    for _, when in spaced(recording, at):
        told = struct.pack("<BBH", 0x03, code, device.short)
        tell(recording, router, hub.short, when, told, receiver=hub)


@player("rejoin")
def rejoin(recording: Recording, code: int, at: int) -> None:
    device, hub = recording["CAD"], recording["CHF"]
    for _, when in spaced(recording, at, 3):
        tell(recording, device, hub.short, when, b"\x06\x8e", receiver=hub)
        answer = struct.pack("<BHB", 0x07, device.short if not code else 0xFFFF, code)
        tell(recording, hub, device.short, recording.quiet(when + SECOND // 4), answer, receiver=device)


@player("timeout")
def timeout(recording: Recording, code: int, at: int) -> None:
    device, hub = recording["PPMID"], recording["CHF"]
    for _, when in spaced(recording, at, 3):
        tell(recording, device, hub.short, when, b"\x0b\x08\x00", receiver=hub)
        answer = bytes([0x0C, code, 1])
        tell(recording, hub, device.short, recording.quiet(when + SECOND // 4), answer, receiver=device)


@player("cbke")
def terminate(recording: Recording, code: int, at: int) -> None:
    device, hub = recording["CAD"], recording["CHF"]
    for number, when in spaced(recording, at, 2):
        begin = struct.pack("<HBB", 2, 10, 15) + bytes(74)
        say(recording, device, hub, when, 0x0800, zcl(0x00, begin, sequence=number), link=False)
        ends = zcl(0x03, struct.pack("<BBH", code, 20, 2), to_client=True, sequence=number)
        say(recording, hub, device, recording.quiet(when + SECOND // 2), 0x0800, ends, link=False)


@player("tunnel")
def tunnel(recording: Recording, code: int, at: int) -> None:
    meter, hub = recording["PPMID"], recording["CHF"]
    for number, when in spaced(recording, at):
        ask = zcl(0x00, struct.pack("<BHBH", 6, 0xFFFF, 0, 1500), sequence=number)
        say(recording, hub, meter, when, 0x0704, ask)
        answer = struct.pack("<HBH", 0xFFFF if code else 5, code, 1500)
        when = recording.quiet(when + SECOND // 4)
        say(recording, meter, hub, when, 0x0704, zcl(0x00, answer, to_client=True, sequence=number))


@player("transfer")
def transfer(recording: Recording, code: int, at: int) -> None:
    meter, hub = recording["HCALCS"], recording["CHF"]
    for number, when in spaced(recording, at):
        said = zcl(0x02, struct.pack("<HB", 9, code), to_client=True, sequence=number)
        say(recording, meter, hub, when, 0x0704, said)


@player("mirror")
def mirror(recording: Recording, code: int, at: int) -> None:
    gas, hub = recording["GSME"], recording["CHF"]
    for number, when in spaced(recording, at, 3):
        say(recording, gas, hub, when, 0x0702, zcl(0x01, to_client=True, sequence=number))
        when = recording.quiet(when + SECOND // 4)
        say(recording, hub, gas, when, 0x0702, zcl(0x01, struct.pack("<H", code), sequence=number))


@player("association")
def association(recording: Recording, code: int, at: int) -> None:
    """A stranger asks to join."""
    hub, stranger = recording["CHF"], 0x00124B0001020304
    for number, when in spaced(recording, at, 3):
        asked = assemble.mac_command(
            number, 1, b"\x8e", dst_pan=recording.pan, dst=0, src_pan=0xFFFF, src=stranger, src_extended=True
        )
        recording.put(asked, when)
        recording.add_ack(number, when)
        answer = assemble.mac_command(
            number + 50, 2, struct.pack("<HB", 0xFFFF if code else 0x4321, code), dst_pan=recording.pan, dst=stranger,
            dst_extended=True, src=hub.eui64, src_extended=True,
        )  # fmt: skip
        recording.put(answer, recording.quiet(when + SECOND // 2), hub.rssi)


@player("disassociation")
def disassociation(recording: Recording, code: int, at: int) -> None:
    hub, device = recording["CHF"], recording["CAD"]
    one, other = (hub, device) if code == 1 else (device, hub)
    for number, when in spaced(recording, at, 1):
        told = assemble.mac_command(
            number, 3, bytes([code]), dst_pan=recording.pan, dst=other.eui64, dst_extended=True, src=one.eui64,
            src_extended=True,
        )  # fmt: skip
        recording.put(told, when, one.rssi)


USE_CASES = {
    "CS02": "CS02b", "CS02c": "CS02c", "CS02d": "CS02d", "CS02e": "CS02e", "CS03": "CS03A1", "CS04": "CS04AC", "CS06": "CS06",
    "CS07": "CS07", "CS08": "CS08", "GCS28": "GCS28",
}  # fmt: skip
"""The command that each kind of code answers."""
FIRMWARE = {"firmware_version": b"\0\0\1\2"}
CELL = {"role": 2, "key_usage": b"\x80"}


def _answer(kind: str, code: int) -> bytes:
    """The payload of the answer with a code."""
    if kind in ("CS02c", "CS02d", "CS02e", "CS03", "CS04"):
        return bytes((0x02, 1, code))  # an INTEGER
    number, values = {
        "CS02": (0x0102, {"received": None, "execution_outcome": _outcome(code)}),
        "CS06": (0x0012, ("activation_result", {"result": code, **FIRMWARE})),
        "CS07": (0x0013, {"result": code}),
        "CS08": (0x0129, {"result": code, **FIRMWARE}),
        "GCS28": (0x007F, {"device_time": "20260101000000Z", "time_status": code}),
    }[kind]
    shape = structure(number, 2)
    assert shape is not None
    return build_der(shape, values)


def _outcome(code: int) -> dict[str, object]:
    names = ("existing_subject", "existing_key_identifier", "replacing_subject", "replacing_key_identifier")
    one = {"cell": CELL, "status": code, **dict.fromkeys(names, bytes(8))}
    return {
        "authorising_sequence_number": 1,
        "mode": 2,
        "sequence_changes": [],
        "replacement_outcomes": [one],
    }


def _asked(kind: str, desk: Desk) -> bytes:
    if kind == "CS02":
        return replaced(desk)
    smki = Smki(1, desk.recording.start // SECOND, desk.party)
    smki.enrol(desk.target, 2, SIGNATURE, AGREEMENT)
    given = smki.certificate(desk.target, SIGNATURE) if kind == "CS02d" else None
    gas = desk.recording["GSME"].eui64.to_bytes(8, "big")
    return desk.command(USE_CASES[kind], recipient=gas if kind == "GCS28" else None, payload=given)


def _gbcs(kind: str) -> Player:
    def answers(recording: Recording, code: int, at: int) -> None:
        desk = Desk(recording, SUPPLIER)
        desk.at = recording.quiet(at, 0.6)
        for _ in range(3):
            asked = _asked(kind, desk)
            desk.send(asked)
            desk.answer(asked, payload=_answer(kind, code))

    return answers


for _kind in USE_CASES:
    PLAYERS[_kind] = _gbcs(_kind)


def _alerts(number: int) -> Player:
    """An alert of the meter whose ASN.1 holds the code (CCS08, CS09)."""

    def raised(recording: Recording, code: int, at: int) -> None:
        desk = Desk(recording, SUPPLIER)
        desk.at = recording.quiet(at, 0.6)
        values = {
            "alert_code": 0x8F8A if not code else 0x8F89,
            "time": "20260101000000Z",
            "result": code,
            **FIRMWARE,
        }
        if number == TRANSFERRED:
            values |= {"entity": desk.target}
        shape = structure(number, 3)
        assert shape is not None
        octets = build.alert(
            number, originator=desk.target, recipient=desk.party, counter=desk.counter(),
            payload=build_der(shape, values), keystore=desk.keystore,
        )  # fmt: skip
        desk.send(octets, back=True)

    return raised


TRANSFERRED, ACTIVATED = 0x0128, 0x012B
PLAYERS["CCS08"], PLAYERS["CS09"] = _alerts(TRANSFERRED), _alerts(ACTIVATED)


@player("dlms")
def dlms(recording: Recording, code: int, at: int) -> None:
    """The last result of the response to a tariff is this."""
    desk = Desk(recording, SUPPLIER)
    desk.at = recording.quiet(at, 0.6)
    for _ in range(3):
        asked = desk.command("ECS01a")
        header = MessageHeader(2, desk.counter(), desk.target, desk.party, 0x0019)
        desk.send(asked)
        payload = response_payload(0x0019, header, desk.keystore)[:-1] + bytes([code])
        desk.answer(asked, payload=payload)


@player("integrity")
def integrity(recording: Recording, code: int, at: int) -> None:
    desk = Desk(recording, SUPPLIER)
    desk.at = recording.quiet(at, 0.6)
    body = (
        "structure",
        [("long-unsigned", 0x81A0), ("octet-string", _time()), ("octet-string", struct.pack(">H", code))],
    )
    counter = desk.counter()
    desk.send(
        build.alert(
            0x00F0, originator=desk.target, recipient=desk.party, counter=counter,
            payload=notification(body, counter), keystore=desk.keystore,
        ),
        back=True,
    )  # fmt: skip


def _time() -> bytes:
    return bytes((0x07, 0xEA, 1, 1, 0xFF, 1, 0, 0, 0, 0x80, 0, 0xFF))


# --- what is said of them


def play(rows: Sequence[Row], seed: int = 1) -> list[Said]:
    """One code of each of some kinds in one home."""
    octets, keys, tables = base(HOME, 902)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "codes.pcapng"
        capture.write_bytes(octets)
        recording = Recording(capture, tomllib.loads(keys), tables, seed)
        whole = recording.end - recording.start
        mine, known = [], {id(one) for one in recording.records}
        for place, row in enumerate(rows):
            at = recording.start + round(whole * (0.05 + 0.9 * place / max(len(rows), 1)))
            PLAYERS[row["of"]](recording, int(row["code"], 0), at)
            mine.append({id(one) for one in recording.records if one.planted} - known)
            known |= mine[-1]
        places = {id(one): number for number, one in enumerate(recording.records, 1)}
        recording.write(capture)
        result = check(decoded_of(capture, keys))
    assert not result.failures, result.failures
    return [
        _said(row, {places[one] for one in own}, result.findings) for row, own in zip(rows, mine, strict=True)
    ]


def _said(row: Row, frames: set[int], findings: Sequence[Finding]) -> Said:
    words = {_plain(row["meaning"]), f"{int(row['code'], 0):#04x}"}
    near = [one for one in findings if frames.intersection(one.frames)]
    named = [one for one in near if any(word in _plain(one.evidence) for word in words)]
    chosen = named or near
    rules = tuple(dict.fromkeys(f"{one.rule} ({one.severity})" for one in chosen))
    sentence = chosen[0].evidence if chosen else ""
    loud = [one for one in named if one.severity != "info"]
    if row["what"] == "ok":
        return Said(row, "alarm" if loud else "right", rules if loud else (), sentence if loud else "")
    if row["what"] == "wait" and not named:
        return Said(row, "waits")
    return Said(row, "told" if named else "in part" if near else "not", rules, sentence)


def _plain(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()


def homes(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in homes: at most one of each kind in each."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["of"], []).append(row)
    for together in zip_longest(*kinds.values()):
        yield [row for row in together if row is not None]


def page(said: Sequence[Said]) -> Iterator[str]:
    """The page: how many of each kind are told, and of each code by which rules."""
    hows = ("told", "in part", "not", "right", "waits", "alarm")
    yield from ("# Codes of answers, and the rules that tell them", "")
    yield from (
        "Each code that devices of a home answer with (`analysis/rules/refusals/response_codes.csv`), played by frames and messages",
        "built for it into a simulated home. Written by", "", "```sh", "python -m tests.analysis.field_codes", "```", "",
        "*told*: a finding that names its frames says what the code means. *in part*: one names the frames, and does not say it.",
        "*right*: it is no fault, and none warns of it. *waits*: it asks to wait. Alerts have a test of their own, all of them",
        "(`tests/analysis/test_alert_meanings.py`).", "", f"| answer | codes | {' | '.join(hows)} |", "|---" * 8 + "|",
    )  # fmt: skip
    kinds = dict.fromkeys(one.row["of"] for one in said)
    for kind in kinds:
        mine = [one for one in said if one.row["of"] == kind]
        counts = [sum(one.how == how for one in mine) for how in hows]
        yield f"| {mine[0].row['where']} | {len(mine)} | {' | '.join(str(n or '') for n in counts)} |"
    for kind, why in elsewhere.items():
        rows = [row for row in rows_of("response_codes") if row["of"] == kind]
        yield f"| {rows[0]['where']} | {len(rows)} | not on the air: {why} |" + " |" * (len(hows) - 1)
    yield from ("", "| answer | code | meaning | how | rules |", "|---|---|---|---|---|")
    for one in sorted(said, key=lambda one: [*kinds].index(one.row["of"])):
        yield f"| {one.row['of']} | {one.row['code']} | {one.row['meaning']} | {one.how} | {', '.join(one.rules)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="*", default=None)
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    rows = [row for row in heard_rows() if chosen.kinds is None or row["of"] in chosen.kinds]
    with ProcessPoolExecutor(chosen.processes) as pool:
        said = [one for home in pool.map(play, list(homes(rows))) for one in home]
    text = "\n".join(page(said))
    if chosen.kinds is None:
        PAGE.write_text(f"{text}\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
