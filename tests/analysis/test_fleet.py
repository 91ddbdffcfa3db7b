"""Fleets: the same on a cluster as in one process, whatever happens to workers; what only many homes can tell."""

import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.cli import main
from analysis.fleet import FleetError, decode_fleet, open_fleet, simulate_fleet
from analysis.fleet.comparing import Home, concentrated, shifted, since_change
from analysis.fleet.norms import FleetNorms
from analysis.fleet.simulating import drawn
from analysis.fleet.sources import find_recordings
from analysis.fleet.store import Store
from analysis.tables.schema import TABLES

BUCKET = "s3://han"
SECONDS = 240
HOMES, MANY = 12, 40
"""Homes that a cluster decodes here (`make fleet-check`: as many as wanted), and those among which causes stand out."""


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A bucket of a server that speaks S3, in this process."""
    fsspec = pytest.importorskip("fsspec")
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        fs = fsspec.filesystem("s3")
        fs.mkdir("han")
        yield fs
    server.stop()


def rows(url: str, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table in an order of their own, without where the capture lay."""
    found = Store(url).table(table).to_pylist()
    told = [
        {name: value for name, value in row.items() if name not in ("capture", "source")} for row in found
    ]
    return sorted(tuple(map(repr, row.values())) for row in told)


@pytest.mark.slow
def test_a_cluster_gives_what_one_process_gives(s3: Any, tmp_path: Path) -> None:
    local, homes = str(tmp_path / "serial"), f"{BUCKET}/homes"
    truth = simulate_fleet(HOMES, homes, seconds=SECONDS, keys=True, scheduler="none")
    s3.get("han/homes", str(tmp_path / "homes"), recursive=True)
    for name, octets in bad_captures(s3.cat_file(f"han/homes/{truth[0]['capture']}")).items():
        s3.pipe_file(f"han/homes/{name}", octets)
        path = tmp_path / "homes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    site = "{date}/{site}/*.pcapng"
    serial = decode_fleet(
        [str(tmp_path / "homes")],
        local,
        scheduler="none",
        site=site,
        keys_from=str(tmp_path / "homes/keys/{site}.toml"),
    )
    killed: list[int] = []

    def kill_once(done: int, _all: int, entry: dict[str, Any]) -> None:
        if done == 5:
            killed.append(entry["worker"])
            os.kill(entry["worker"], signal.SIGKILL)

    store, keys = f"{BUCKET}/store", f"{homes}/keys/{{site}}.toml"
    run = decode_fleet([homes], store, workers=2, site=site, keys_from=keys, told=kill_once)
    assert killed
    assert run.states == serial.states == {"ok": HOMES, "damaged": 1, "unreadable": 2}
    captures = [one["capture"] for one in Store(store).entries()]
    assert len(captures) == len(set(captures)) == HOMES + 3
    for table in TABLES:
        assert rows(store, table) == rows(local, table), table
    assert decode_fleet([homes], store, workers=2, site=site, keys_from=keys).decoded == []
    simulate_fleet(HOMES + 10, homes, seconds=SECONDS, keys=True, scheduler="none")
    more = decode_fleet([homes], store, workers=2, site=site, keys_from=keys)
    assert {entry["site"] for entry in more.decoded} >= {f"site{n:05d}" for n in range(HOMES + 1, HOMES + 11)}
    fleet = open_fleet(store)
    frames = fleet.sql("SELECT site, count(*) AS n FROM packets GROUP BY site ORDER BY site")
    assert len(frames) == HOMES + 11
    assert (
        int(frames.n.sum()) == len(fleet.packets) == sum(entry.get("frames") or 0 for entry in fleet.entries)
    )


def bad_captures(octets: bytes) -> dict[str, bytes]:
    """What lies among captures, too: a cut one, another program's file, an empty one."""
    return {
        "2026-02-02/cut/han.pcapng": octets[:-300],
        "2026-02-02/foreign/photo.pcapng": random.Random(1).randbytes(5000),
        "2026-02-02/empty/han.pcapng": b"",
    }


@pytest.mark.slow
def test_causes_are_named_and_no_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["counters", "certificate", "interference", "clone"]
    homes, store = str(tmp_path / "homes"), str(tmp_path / "store")
    simulate_fleet(MANY, homes, seconds=900, chosen=chosen, keys=True, scheduler="none")
    decode_fleet(
        [homes], store, scheduler="none", site=f"{homes}/sites.csv", keys_from=f"{homes}/keys/{{site}}.toml"
    )
    cases = open_fleet(store).check()
    named = {one.what.split(" ")[0] if one.kind == "group" else one.kind for one in cases}
    assert named == {"hub_firmware", "supplier", "building", "twice"}, cases
    assert main(["fleet", "report", store, "-o", str(tmp_path / "fleet.html")]) == 0
    page = (tmp_path / "fleet.html").read_text("utf-8")
    assert "Supplier West" in page and "One radio in two networks" in page
    assert main(["fleet", "check", store, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["cases"]) == len(cases)


@pytest.mark.slow
def test_a_store_grows_and_forgets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    homes, store = tmp_path / "homes", str(tmp_path / "store")
    simulate_fleet(2, str(homes), days=2, seconds=60, scheduler="none")
    for path in homes.glob("*/*/han.pcapng"):
        path.with_name("again.pcapng").write_bytes(path.read_bytes())  # the same octets under another name
    arguments = [
        "fleet",
        "decode",
        str(homes),
        "--out",
        store,
        "--scheduler",
        "none",
        "--site",
        "{date}/{site}/*.pcapng",
    ]
    assert main([*arguments, "-q"]) == 0
    before = {table: rows(store, table) for table in TABLES}
    states = [one["state"] for one in Store(store).entries()]
    assert sorted(states) == ["ok"] * 4 + ["same"] * 4
    first = next(homes.glob("2026-02-02/*/again.pcapng"))
    first.write_bytes(first.read_bytes()[:-44])  # now it is another capture
    assert main([*arguments, "-q"]) == 0
    assert sum(one["state"] == "damaged" for one in Store(store).entries()) == 1
    grown = {table: rows(store, table) for table in TABLES}
    assert all(len(grown[table]) >= len(before[table]) for table in TABLES)
    assert main(["fleet", "compact", store]) == 0
    assert {table: rows(store, table) for table in TABLES} == grown
    first.write_bytes(first.read_bytes()[:-44])
    assert main([*arguments, "-q"]) == 0
    assert len(rows(store, "packets")) <= len(grown["packets"])
    assert main(["fleet", "prune", store, "--before", "2026-02-03"]) == 0
    assert {one["date"] for one in Store(store).entries()} == {"2026-02-03"}
    named = {
        str(Path(store) / one["files"][table]) for one in Store(store).entries() for table in one["files"]
    }
    assert {str(path) for path in Path(store).rglob("*.parquet")} == named
    capsys.readouterr()
    assert main(["fleet", "sql", "SELECT count(*) AS n FROM captures", store, "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 4


def test_recordings_are_found_with_their_homes(tmp_path: Path) -> None:
    for name in (
        "2026-02-01/a/hub1.pcapng",
        "2026-02-01/b/x.pcap",
        "2026-02-02/a/hub1.pcapng.zst",
        "notes.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = find_recordings([str(tmp_path)], "{date}/{site}/{hub}.pcap*")
    assert [(one.date, one.site, one.hub) for one in found] == [
        ("2026-02-01", "a", "hub1"), ("2026-02-01", "b", "x"), ("2026-02-02", "a", "hub1"),
    ]  # fmt: skip
    sites = tmp_path / "sites.csv"
    sites.write_text("capture,site,date,building\nb/x.pcap,home b,2026-02-01,block 1\n", "utf-8")
    by_list = {one.site: dict(one.facts) for one in find_recordings([str(tmp_path)], str(sites))}
    assert by_list["home b"] == {"building": "block 1"}
    assert len(find_recordings([f"{tmp_path}/*/a/*"])) == 2
    for place, text in (("nothing.pcapng", "there is nothing"), ("2026-*/c/*", "no capture")):
        with pytest.raises(FleetError, match=text):
            find_recordings([f"{tmp_path}/{place}"])
    with pytest.raises(FleetError, match="password"):
        find_recordings(["sftp://me:secret@host/captures"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["decode", "nowhere", "--out", "store"],
        ["decode", "captures/samples", "--out", "store", "--scheduler", "many"],
        ["decode", "captures/samples", "--out", "store", "--site", "no fields"],
        ["check", "nowhere"],
        ["sql", "SELECT", "nowhere"],
        ["prune", "nowhere", "--before", "yesterday"],
        ["simulate", "2", "--out", "homes", "--cause", "nothing", "--scheduler", "none"],
    ],
)
def test_mistakes_are_told(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    samples = Path("captures/samples").absolute()
    monkeypatch.chdir(tmp_path)
    given = [str(samples) if one == "captures/samples" else one for one in arguments]
    assert main(["fleet", *given]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_homes_are_the_same_however_many_there_are() -> None:
    one, two = drawn(7, out="x", seed=3), drawn(7, out="x", seed=3)
    assert one == two
    assert one.facts != drawn(8, out="x", seed=3).facts or one.channel != drawn(8, out="x", seed=3).channel


def homes(count: int, bad: range, fact: str, rules: str = "rule", number: float = 0.0) -> list[Home]:
    """Homes of which some share a value of a fact, a rule that fires, and a number."""
    draw = random.Random(1)
    return [
        Home(
            f"s{n:03d}",
            {fact: "bad" if n in bad else "good", "other": str(n % 4)},
            frozenset([rules]) if n in bad else frozenset(),
            {"rssi": draw.gauss(-60 - (number if n in bad else 0), 3)},
        )
        for n in range(count)
    ]


def test_a_group_is_named_once_and_by_the_better_property() -> None:
    found = concentrated(homes(40, range(8), "firmware"), ["rule"])
    assert [(group.fact, group.value, len(group.sites), group.others) for group in found["rule"]] == [
        ("firmware", "bad", 8, 0)
    ]
    assert concentrated(homes(40, range(2), "firmware"), ["rule"]) == {}
    everywhere = [
        Home(home.site, home.facts, frozenset(["rule"]), {}) for home in homes(40, range(8), "firmware")
    ]
    assert concentrated(everywhere, ["rule"]) == {}


def test_a_number_that_differs_in_a_group() -> None:
    found = shifted(homes(40, range(8), "building", number=40), ["rssi"])
    assert [(group.fact, group.value) for group, _, _ in found["rssi"]] == [("building", "bad")]
    assert shifted(homes(40, range(8), "building"), ["rssi"]) == {}


def test_what_is_unusual_in_a_fleet() -> None:
    norms = FleetNorms.of(homes(40, range(1), "firmware", "seldom"))
    assert "none of 40 homes has as much or less" in norms.unusual("rssi", -110)
    assert norms.unusual("rssi", -63) == ""
    assert norms.rare(["seldom", "never"]) == ["never (0 of 40 homes)", "seldom (1 of 40 homes)"]
    assert FleetNorms.of(homes(40, range(30), "firmware")).rare(["rule"]) == []
    assert FleetNorms.of(homes(5, range(0), "firmware")).unusual("rssi", -110) == ""


@pytest.mark.slow
def test_a_home_against_a_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, store = str(tmp_path / "homes"), str(tmp_path / "store")
    simulate_fleet(9, folder, seconds=300, scheduler="none", keys=True)
    decode_fleet(
        [folder],
        store,
        scheduler="none",
        site=f"{folder}/sites.csv",
        keys_from=f"{folder}/keys/{{site}}.toml",
    )
    capsys.readouterr()
    words = ["captures/samples/gbcs-messages.pcapng", "--baseline", store, "--json", "-q"]  # without its keys
    assert main(["check", *words, "--rule", "differs-from-fleet"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert "share of frames that stayed shut" in found["evidence"]
    assert "usual is 0.0% (none of 9 homes has as much or more)" in found["evidence"]
    home = next(Path(folder).glob("*/*/*.pcapng"))
    keys = Path(folder) / "keys" / f"{home.parent.name}.toml"
    words = [str(home), "--keys", str(keys), "--baseline", store, "--json", "-q"]
    assert main(["check", *words, "--rule", "differs-from-fleet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["state"] for one in told["verdicts"]] == ["pass"], told
    assert main(["check", str(home), "--baseline", str(tmp_path), "-q"]) == 3  # a folder that is no store


def test_what_began_with_a_change() -> None:
    none, one = frozenset[str](), frozenset(["rule"])
    assert [rule for rule, *_ in since_change([(none, one)] * 6)] == ["rule"]
    assert not list(since_change([(none, one)] * 3 + [(one, none)] * 3))
    assert not list(since_change([(none, one)] * 2))


def test_namesakes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    from analysis.cli.verbs.fleet import _tell_namesakes

    _tell_namesakes([{"site": "han", "hub": "a"}, {"site": "han", "hub": "b"}, {"site": "other", "hub": "c"}])
    told = capsys.readouterr().err
    assert "2 hubs are at one site, 'han'" in told and "other" not in told
