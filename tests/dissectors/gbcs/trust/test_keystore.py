"""Keys and certificates: every form that comes in, and the checks of the SMKI."""

import pytest
from cryptography.hazmat.primitives import serialization

from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.trust.certificates import check_chain, read_certificate
from dissectors.gbcs.trust.keystore import AGREEMENT, PREPAYMENT, SIGNATURE
from dissectors.model.errors import Malformed
from tests.dissectors.gbcs import own

FOLDER = own.FOLDER / "keystore"
STORE = own.keystore()


def test_a_certificate_says_whose_it_is_and_for_what():
    by = {(c.entity, c.usage): c for c in STORE.certificates}
    supplier, meter = by[own.SUPPLIER, SIGNATURE], by[own.ESME, AGREEMENT]
    assert (supplier.role, meter.role) == (2, None)
    assert supplier.valid == ("260101000000Z", "460101000000Z")
    assert len(supplier.key_identifier) == 8 and len(supplier.point) == 65
    assert STORE.role(own.BROKER) == 4 and STORE.brokers()[0] == own.BROKER


def test_every_chain_of_our_own_smki_holds():
    assert STORE.check() == []


def test_a_broken_chain_and_a_wrong_role_are_said():
    root = next(c for c in STORE.certificates if c.authority)
    one = next(c for c in STORE.certificates if c.entity == own.SUPPLIER)
    assert check_chain(one, [root], role=2) == []
    assert "role supplier, networkOperator expected" in check_chain(one, [root], role=3)[0]
    assert "not at hand" in check_chain(one, [])[0]
    forged = bytearray(one.der)
    forged[-20] ^= 1
    assert "not signed by" in check_chain(read_certificate(bytes(forged)), [root])[0]


def test_keys_come_as_pem_der_and_scalars():
    private = STORE.private_keys(own.ESME, AGREEMENT)[0]
    forms = (serialization.Encoding.PEM, serialization.Encoding.DER)
    kinds = (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL)
    for encoding in forms:
        for kind in kinds:
            store = Keystore()
            data = private.private_bytes(encoding, kind, serialization.NoEncryption())
            assert store.add(data, f"{own.ESME.hex()}-ka.key") == 1
            assert store.private_keys(own.ESME, AGREEMENT)[0].private_numbers() == private.private_numbers()
        public = private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        store = Keystore()
        store.add(public, f"{own.ESME.hex()}-pp-ka.pem")
        assert len(store.public_keys(own.ESME, PREPAYMENT)) == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"nonsense", "x"), (b"\x30\x03\x02\x01\x00", "x"), ("-----BEGIN A-----\n*\n-----END A-----", "x"),
     ("entity_id,p256_scalar_hex\nzz,1\n", "s.csv")],
)  # fmt: skip
def test_what_is_no_key_is_refused(data, name):
    with pytest.raises(Malformed):
        Keystore().add(data, name)


def test_either_side_s_key_opens_and_checks():
    octets = own.octets("gcs13c-response")
    for entity in (own.GSME, own.SUPPLIER):
        store = own.keystore(private=False)
        store.add_scalar(
            entity, AGREEMENT, STORE.private_keys(entity, AGREEMENT)[0].private_numbers().private_value
        )
        facts = dissect_message(octets, store).facts
        assert (facts["mac"], facts["decrypted_parts"]) == ("valid", 1)


def test_an_unknown_party_s_answer_opens_with_the_certificate_of_its_command():
    store = Keystore()
    for path in sorted(FOLDER.iterdir()):
        if "fff-" not in path.name and path.suffix == ".pem":
            store.add(path.read_bytes(), path.name)
    keys = STORE.private_keys(own.ESME, AGREEMENT)
    store.add_scalar(own.ESME, AGREEMENT, keys[0].private_numbers().private_value)
    command = dissect_message(own.octets("ecs66-unknown-party-command"), store)
    octets = own.octets("ecs66-unknown-party-response")
    assert dissect_message(octets, store).facts["decrypted_parts"] == 0
    assert dissect_message(octets, store, command=command).facts["decrypted_parts"] == 1


def test_replacement_certificates_are_held_against_path_and_cell():
    from dissectors.gbcs import build
    from dissectors.gbcs.asn1.der import build_der
    from dissectors.gbcs.asn1.structures import structure

    good = dissect_message(own.octets("cs02b-command"), STORE)
    assert [i for i in good.issues if i.layer == "gbcs.replacements"] == []
    one = next(c for c in STORE.certificates if c.entity == own.OTHER and c.usage == AGREEMENT)
    cell = {"role": 2, "key_usage": b"\x80"}
    values = {
        "control": {"mode": 2, "authorising_cell": cell, "authorising_sequence_number": 1},
        "replacements": [{"certificate": one.der, "target_cell": cell}],
        "certification_path": [],
    }
    payload = build_der(structure(0x0102, 1), values)
    parties = {"originator": own.SUPPLIER, "recipient": own.ESME, "counter": 5}
    message = dissect_message(build.command(0x0102, keystore=STORE, payload=payload, **parties), STORE)
    texts = [i.text for i in message.issues if i.layer == "gbcs.replacements"]
    assert any("not at hand" in t for t in texts)
    assert any("networkOperator, for a cell of supplier" in t for t in texts)
    assert any("keyAgreement, for a cell of digitalSignature" in t for t in texts)


@pytest.mark.parametrize("length", [0, 1, 7, 9, 120, 127])
@pytest.mark.parametrize("name", sorted(row["id"] for row in own.rows()))
def test_identifiers_of_another_length_prove_nothing(name: str, length: int) -> None:
    """Keys are derived from originator and recipient: of another length, nothing can have been made with them."""
    octets = own.octets(name)
    start = octets.index(b"\xdf\x09")
    for place in (start + 11, start + 20):
        assert octets[place] == 8
        changed = octets[:place] + bytes([length]) + bytes(length) + octets[place + 9 :]
        message = dissect_message(changed, own.keystore())
        assert message.facts["mac"] != "valid" and message.facts["signature"] != "valid"
        assert not message.buffers or not any("decrypted" in name for name in message.buffers)
