"""Certificates in tables: those given, those that messages carry, and what is said of a message's signer by its time."""

import sys
from pathlib import Path

from analysis.pipeline.certificates import MOST_CERTIFICATES, Sighting, certificate_rows
from analysis.pipeline.decode import Decoded
from analysis.pipeline.payloads import read_payload
from analysis.pipeline.session import Session
from analysis.tables.arrow import batch_of
from captures import CaptureFacts
from dissectors.gbcs import build, dissect_message
from dissectors.gbcs.trust.certificates import read_certificate
from dissectors.gbcs.trust.verification import GROUP_ORDER
from dissectors.model.keyring import DeviceName, Keyring

sys.path.insert(0, str(Path(__file__).parents[1] / "dissectors" / "gbcs"))
import forging

MADE = forging.smki()
STORE = forging.keystore(MADE)
SECOND = 1_000_000_000
NOW = (forging.START + 60) * SECOND


def session(*messages: bytes, time_ns: int | None = NOW, store=STORE) -> Session:
    meter = int.from_bytes(forging.ESME, "big")
    ring = Keyring(gbcs=store, devices={meter: DeviceName(meter, "Electricity meter", "ESME")})
    made = Session(ring, capture="here")
    made.last_time = time_ns
    for number, octets in enumerate(messages, 1):
        read_payload(made, "gbcs", octets, (10 * number,), time_ns)
    return made


def replacement() -> bytes:
    """A supplier's CS02b command: a new certificate, and the authority that issued it."""
    from dissectors.gbcs.asn1.der import build_der
    from dissectors.gbcs.asn1.structures import structure

    cell = {"role": 2, "key_usage": b"\x80"}
    values = {
        "control": {"mode": 2, "authorising_cell": cell, "authorising_sequence_number": 1},
        "replacements": [
            {
                "certificate": MADE.certificate(forging.SUPPLIER, "digitalSignature", generation=1),
                "target_cell": cell,
            }
        ],
        "certification_path": [MADE.root()],
    }
    parties = {"originator": forging.SUPPLIER, "recipient": forging.ESME, "counter": 5}
    return build.command(0x0102, keystore=STORE, payload=build_der(structure(0x0102, 1), values), **parties)


def test_certificates_held_and_seen_are_rows():
    made = session(forging.command(STORE, 0x0027), replacement())
    rows = certificate_rows(made)
    batch_of("certificates", rows)  # each fits its column
    roots = [row for row in rows if row["origin"].startswith("root")]
    held = [row for row in rows if row["origin"] == "held"]
    seen = [row for row in rows if row["origin"] == "seen"]
    assert len(roots) == 1 and roots[0]["origin"] == "root and seen" and len(held) == len(STORE.certificates)
    meter = next(
        row for row in held if row["whose"] == forging.ESME.hex() and row["use"] == "digitalSignature"
    )
    assert (meter["name"], meter["role"], meter["chain"]) == ("Electricity meter", "device", "trusted")
    assert meter["validity"].endswith("/9999-12-31T23:59:59Z")
    (new,) = seen
    assert (new["whose"], new["role"], new["use"]) == (forging.SUPPLIER.hex(), "Supplier", "digitalSignature")
    assert (new["message"], new["frame"], new["chain"]) == (2, 20, "trusted")
    assert new["issuer"] == "CN=hanscope simulated authority,OU=07"


def test_what_messages_bring_has_a_ceiling_that_is_said():
    made = session()
    one = read_certificate(MADE.root())
    made.certificates = {
        bytes((n >> 8, n & 255)): Sighting(one, 1, 1, None) for n in range(MOST_CERTIFICATES)
    }
    read_payload(made, "gbcs", replacement(), (1,), NOW)
    assert len(made.certificates) == MOST_CERTIFICATES and made.certificates_forgotten == 2
    said = Decoded({}, CaptureFacts(name="here"), made).issues
    assert said == ["certificates: 2 more were seen and are not listed"]


def test_a_message_is_held_against_the_time_of_its_frame():
    octets = forging.command(STORE, 0x001A)
    late = (forging.START + 40 * 365 * 86_400) * SECOND
    states = [session(octets, time_ns=at).messages[0]["trust"] for at in (NOW, late, None)]
    assert states == ["trusted", "untrusted", "unchecked"]


def test_an_altered_signature_names_its_twin():
    answer = forging.response(STORE, 0x001A)
    layout = dissect_message(answer, STORE).layout
    s = GROUP_ORDER - int.from_bytes(layout.raw_signature[32:], "big")
    altered = answer[: layout.signature + 33] + s.to_bytes(32, "big")
    rows = session(answer, forging.response(STORE, 0x001B), altered, answer).messages
    assert [row["signature_twin"] for row in rows] == [None, None, 1, None]
    assert [row["signature"] for row in rows] == ["valid"] * 4


def test_who_made_a_wrong_mac_reaches_the_table_and_no_key_says_what_to_give():
    octets = forging.command(STORE, 0x0027)
    forged = forging.remade(octets, None, STORE.secrets(forging.GSME, forging.ESME)[0], STORE)
    row = session(forged).messages[0]
    assert row["mac"] == "invalid" and row["mac_reason"].startswith(f"made by {forging.GSME.hex()} (GSME)")
    bare = session(octets, store=None).messages[0]
    assert (bare["mac"], bare["mac_reason"]) == ("no_key", "no keys are given")


def test_the_verb_keys_says_what_is_known_of_certificates():
    from analysis.cli.verbs.keys import _certificates

    trusted = list(_certificates(certificate_rows(session())))
    assert trusted == ["", f"certificates: {len(STORE.certificates) + 1} trusted"]
    bare = forging.keystore(MADE, roots=False)
    lines = list(_certificates(certificate_rows(session(store=bare))))
    assert lines[1] == f"certificates: {len(bare.certificates)} unchecked"
    assert "not checked against a root" in lines[2] and len(lines) == 3
