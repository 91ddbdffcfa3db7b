"""Certificates of key establishments (CBKE, ECQV) as rows of the table `certificates`."""

from pathlib import Path
from typing import Any

import pytest
from captures.simulated.keyfile import keys_text
from captures.simulated.recording import write_han
from captures.simulated.samples import FOLDER

from analysis.keys.keyfile import read_keys
from analysis.pipeline import ceilings
from analysis.pipeline.certificates import certificate_rows
from analysis.pipeline.decode import decode
from analysis.pipeline.session import Session
from analysis.tables.arrow import batch_of
from captures.simulated.scenarios import simulate
from dissectors.model.keyring import DeviceName, Keyring
from dissectors.zcl.stateful.certificates import issue_certificate, make_ca_key, read_certificate
from dissectors.zcl.stateful.key_establishment import CarriedCertificate, CarriedCertificates

SUBJECT, ISSUER, START = 0x90B3D5FFFE0000A0, 0x90B3D5FFFE00CA02, 1_700_000_000
BOTH = "digitalSignature, keyAgreement"


def issued(suite: int, subject: int = SUBJECT, **options: Any) -> bytes:
    private, _ = make_ca_key(suite, 12345)
    return issue_certificate(suite, private, subject, ISSUER, request=77, contribution=99, **options)[
        0
    ].octets


def row(octets: bytes, *, at: int = START, proven: int = 0) -> dict[str, Any]:
    session = Session(Keyring(devices={SUBJECT: DeviceName(SUBJECT, "Gas meter", "GSME")}))
    seen = session.context.state(CarriedCertificates).seen
    seen[octets] = CarriedCertificate(read_certificate(octets), 12, at * 1_000_000_000, proven)
    (found,) = certificate_rows(session)
    batch_of("certificates", [found])
    return found


def test_both_suites() -> None:
    first, second = row(issued(1)), row(issued(2, serial=0xA0, valid_from=START - 60, valid_for=3600))
    assert (len(issued(1)), len(issued(2))) == (48, 74)
    for one in (first, second):
        assert (one["whose"], one["name"], one["role"]) == (f"{SUBJECT:016x}", "Gas meter", "device")
        assert (one["issuer"], one["origin"], one["frame"], one.get("message")) == (
            f"{ISSUER:016x}",
            "seen",
            12,
            None,
        )
        assert one["chain"] == "unchecked" and "no signature" in one["chain_reason"]
    assert (first["kind"], first["serial"], first["validity"], first["use"]) == (
        "implicit (ECQV) sect163k1",
        None,
        None,
        "keyAgreement",
    )
    assert (second["kind"], second["serial"], second["use"]) == ("implicit (ECQV) sect283k1", "a0", BOTH)
    assert second["validity"] == "2023-11-14T22:12:20Z/2023-11-14T23:12:20Z"


def test_validity_is_held_against_the_time_of_the_frame() -> None:
    octets = issued(2, valid_from=START, valid_for=3600)
    assert row(octets, at=START + 3601)["chain_reason"] == "expired: valid until 2023-11-14T23:13:20Z"
    assert row(octets, at=START - 1)["chain"] == "untrusted"
    assert row(octets, at=0)["chain"] == "unchecked", "no time, no verdict"
    assert row(issued(2, valid_from=START))["validity"].endswith("/9999-12-31T23:59:59Z")
    assert row(issued(2, valid_from=(1 << 40) - 1))["validity"].startswith("1099511627775 s since")


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, 1, "type 1"),
        (9, 0x0E, "curve 14"),
        (10, 7, "hash 7"),
        (36, 0x80, "key usage"),
        (36, 0, "key usage"),
    ],
)
def test_what_a_certificate_says_wrongly_of_itself(place: int, value: int, reason: str) -> None:
    octets = bytearray(issued(2))
    octets[place] = value
    found = row(bytes(octets))
    assert found["chain"] == "untrusted" and reason in found["chain_reason"]


def test_a_holder_who_confirmed_the_key_is_named_with_the_frame() -> None:
    assert "in frame 88" in row(issued(2), proven=88)["chain_reason"]


def test_those_of_a_capture() -> None:
    path = FOLDER / "install-day.pcapng"
    keys = read_keys(FOLDER / "install-day.keys.toml")
    rows = [r for r in decode(path, keys).table("certificates").to_pylist() if r["kind"] != "X.509"]
    packets = decode(path, keys).packets
    assert len(rows) == 2
    for one in rows:
        (sent,) = packets[packets.frame == one["frame"]].summary
        assert "Initiate Key Establishment" in sent
        assert "proved the private key" in one["chain_reason"]
    without = [r for r in decode(path).table("certificates").to_pylist() if r["kind"] != "X.509"]
    assert [r["whose"] for r in without] == [] or "no signature" in without[0]["chain_reason"]


def test_an_expired_one_of_a_simulated_home(tmp_path: Path) -> None:
    han = simulate("install-day", seed=5, seconds=600, faults=["expired-certificate"])
    write_han(han, tmp_path / "han.pcapng")
    (tmp_path / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    table = decode(str(tmp_path / "han.pcapng"), read_keys(tmp_path / "keys.toml")).table("certificates")
    rows = [r for r in table.to_pylist() if r["kind"] != "X.509"]
    assert any(r["chain"] == "untrusted" and r["chain_reason"].startswith("expired") for r in rows)


def test_they_have_a_ceiling() -> None:
    session = Session()
    seen = session.context.state(CarriedCertificates).seen
    one = CarriedCertificate(read_certificate(issued(1)), 1, 0)
    seen.update({n.to_bytes(48, "big"): one for n in range(5000)})
    ceilings.keep_within(session)
    assert len(seen) <= 4096 and any(
        "certificates of key establishments" in n for n in ceilings.notes(session)
    )
