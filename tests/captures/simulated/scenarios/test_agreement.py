"""The decoder agrees with the truth, frame by frame, reading by reading, message by message."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import Decoded, decode
from captures.simulated.remote.dcc import dcc_of
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.exercise import Exercise
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import truth_rows, write_han
from dissectors.gbcs.catalogue.names import use_cases

STORIES: dict[str, dict[str, Any]] = {
    "install-day": {"name": "install-day", "seed": 7, "seconds": 1800},
    "ordinary-day": {"name": "ordinary-day", "seed": 5, "seconds": 3600},
    "sub-ghz-day": {"name": "sub-ghz-day", "seed": 6, "seconds": 2400},
    "proving-exercise": {
        "name": "proving-exercise",
        "seed": 3,
        "seconds": 2700,
        "use_cases": [f"0x{code:04x}" for code in sorted(use_cases())[::4]],
    },
}


class Played(NamedTuple):
    rows: list[dict[str, Any]]
    decoded: Decoded
    han: Any

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["kind"] == kind]


@pytest.fixture(scope="module", params=sorted(STORIES))
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp(request.param)
    han = simulate(**STORIES[request.param])
    capture, keys = folder / "capture.pcapng", folder / "keys.toml"
    write_han(han, capture)
    keys.write_text(keys_text(han))
    rows = [json.loads(json.dumps(row)) for row in truth_rows(han)]
    return Played(rows, decode(capture, read_keys(keys)), han)


SAME = (
    "mac_command", "nwk_counter", "nwk_command", "aps_cluster", "aps_profile", "aps_counter",
    "aps_command",
)  # fmt: skip
ZCL = ("zcl_command", "zcl_seq", "zcl_type", "zcl_direction")


def test_every_frame(played: Played) -> None:
    frames = pd.DataFrame(played.of("frame")).set_index("frame")
    packets = played.decoded.packets.set_index("frame")
    packets.index = packets.index.astype("int64")
    assert list(packets.index) == list(frames.index)
    sound = frames.fcs_good & ~frames.faults.astype(bool)
    assert sound.mean() > 0.98
    assert (packets.fcs_ok.astype(bool) == frames.fcs_good).all()
    assert (packets.mac_type.astype(str) == frames.mac)[sound].all()
    for column in SAME:
        if column in frames:
            _equal(packets[column], frames[column], sound)
    for column in ("nwk_src", "nwk_dst"):
        _equal(packets[column], frames[column].map(lambda a: f"{int(a):04x}", na_action="ignore"), sound)
    whole = sound & (frames["fragments"].isna() if "fragments" in frames else True)
    for column in ZCL:
        _equal(packets[column], frames[column], whole)
    secured = sound & frames.nwk_counter.notna()
    assert set(packets.nwk_security[secured]) == {"ok"}
    assert not set(packets.aps_security[sound].dropna()) & {"no_key", "bad_mic"}
    assert set(packets.nwk_sender[secured].dropna()) == set(frames.sender[secured].dropna())


def _equal(got: Any, wanted: Any, where: Any) -> None:
    asked = where & wanted.notna()
    said = wanted[asked]
    if said.empty:
        return
    numbers = pd.api.types.is_numeric_dtype(said)
    found = got[asked].astype("float64") if numbers else got[asked].astype(str)
    wrong = said.index[found.isna() | (found != said)]
    assert wrong.empty, f"{got.name}: frames {list(wrong[:5])}"


def test_every_attribute(played: Played) -> None:
    """What devices said of their attributes stands in the table with the same number, in the same frame."""
    table = played.decoded.attributes
    held = {
        (int(frame), int(attribute)): number
        for frame, attribute, number in zip(table.frame, table.attribute, table.number, strict=True)
    }
    told = 0
    for row in played.of("frame"):
        if not row["fcs_good"] or row["faults"] or row.get("fragment") is not None:
            continue
        for attribute, value in row.get("attributes", {}).items():
            told += 1
            found = held.get((row["frame"], int(attribute, 16)), "absent")
            assert found != "absent", (row["frame"], attribute)
            if isinstance(value, int) and not pd.isna(found):
                assert int(found) == value, (row["frame"], attribute)
    assert told > 200


def test_every_reading_in_its_unit(played: Played) -> None:
    table = played.decoded.attributes
    meters = table[(table.cluster == 0x0702) & (table.attribute == 0)]
    seen = {(int(number), unit): scaled for number, unit, scaled in
            zip(meters.number, meters.unit, meters.scaled, strict=True) if not pd.isna(number)}  # fmt: skip
    numbers = {number for number, _ in seen}
    readings = played.of("reading")
    assert {row["raw"] for row in readings} <= numbers
    for row in readings:
        for (number, unit), scaled in seen.items():
            # until a display has asked for unit and divisor, nobody who listens can know them
            if number == row["raw"] and not pd.isna(unit):
                assert (
                    scaled == pytest.approx(row["value"])
                    and unit in {"Wh": ("kWh",), "l": ("m3", "m³")}[row["unit"]]
                )


def test_every_message(played: Played) -> None:
    wanted = [row for row in played.of("message") if row["on_air"]]
    assert all(row["delivered"] for row in wanted)
    table = played.decoded.messages
    whole = table[table.signature.notna()]  # not the blocks of longer ones
    said = Counter(
        (row["use_case"], row["cra"], row["counter"], row["signature"], row["mac"]) for row in wanted
    )
    read = Counter(
        (m.use_case, m.cra, int(m.originator_counter), m.signature, m.mac) for m in whole.itertuples()
    )
    assert read == said
    assert all("valid" in (m.signature, m.mac) for m in whole.itertuples())
    assert whole.issue.isna().all()
    frames = {row["message"]: set(row["frames"]) for row in wanted}
    carried = set().union(*frames.values()) if frames else set()
    assert set().union(*(set(m.frames) for m in whole.itertuples())) <= carried


def test_proving_exercise() -> None:
    """All 240 use cases: most run end to end, and each of the rest has its reason."""
    exercise = simulate("proving-exercise", seed=3, use_cases=("all",)).find(Exercise)
    assert exercise is not None
    print("\n".join(exercise.summary()))
    assert len(exercise.wanted) == 240
    assert len(exercise.complete) >= 230
    assert set(exercise.complete) | set(exercise.reasons()) == set(exercise.wanted)
    assert all(exercise.reasons().values())


def test_an_expired_certificate_gives_no_link_key() -> None:
    han = simulate("install-day", seed=7, seconds=3600, faults=["expired-certificate"])
    newcomer = next(node for node in han.nodes if node.name.startswith("New display"))
    assert newcomer.joined and not newcomer.link_keys
    rows = [row for row in truth_rows(han) if "expired-certificate" in row.get("faults", ())]
    commands = {(row.get("aps_cluster"), row.get("zcl_command"), row.get("zcl_direction")) for row in rows}
    assert (0x0800, 3, "to-client") in commands and (0x0800, 1, "to-server") not in commands


def test_the_meter_refuses_what_is_not_new_or_not_right() -> None:
    for name, why in (("gbcs-replay", "counter"), ("gbcs-tamper", "authentication"),
                      ("counters-out-of-order", "counter")):  # fmt: skip
        han = simulate("ordinary-day", seed=4, seconds=3000, faults=[name])
        refused = [e.trouble for e in dcc_of(han).exchanges if not e.complete]
        assert len(refused) >= 3 and all(why in trouble for trouble in refused), name


def test_keys_of_the_capture_alone_do_not_open_it(tmp_path: Path) -> None:
    """Secrets are in the key file, not in the capture."""
    han = simulate("ordinary-day", seed=5, seconds=600)
    write_han(han, tmp_path / "a.pcapng")
    octets = (tmp_path / "a.pcapng").read_bytes()
    keys = [row["key"] for row in han.truth if row["kind"] == "key"]
    assert keys and not any(bytes.fromhex(key) in octets for key in keys)
