"""Protected APDUs: the published example, every form and suite, missing and wrong keys, challenges, signatures."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from dissectors.crypto.ecdsa import public_key, verify_signature
from dissectors.crypto.kdf import derive_key
from dissectors.dlms import Association, build_apdu, dissect_message, dissect_vector
from dissectors.dlms.apdu.general import Ciphered
from dissectors.dlms.counters import InvocationCounters
from dissectors.dlms.security.agreement import public_octets
from dissectors.dlms.security.ciphering import seal_payload
from dissectors.dlms.security.hls import Challenge, check_answer, gmac_answer, hash_answer
from dissectors.layout.lengths import build_octets
from dissectors.model.keyring import DlmsKeys

VECTORS = Path(__file__).parents[3] / "vectors" / "dlms" / "security.jsonl"
KEY, AUTHENTICATION = bytes(range(16)), bytes(range(0xD0, 0xE0))
TITLE, PEER = bytes.fromhex("4d4d4d0000bc614e"), bytes.fromhex("4d4d4d0000000001")
PLAIN = bytes.fromhex("c0010000080000010000ff0200")


@pytest.mark.parametrize(
    "line", VECTORS.read_text("utf-8").splitlines(), ids=lambda line: json.loads(line)["id"]
)
def test_known_answers(line: str) -> None:
    vector = json.loads(line)
    message = dissect_vector(vector)
    expected = vector["expected"]
    assert message.error is None
    for key in ("apdus", "security", "system_title"):
        assert message.facts[key] == expected.get(key, message.facts[key])
    if "plain" in expected:
        assert expected["plain"] in {octets.hex() for octets in message.buffers.values()}


def protected(
    control: int, key: bytes, authentication: bytes, header: bytes = b"", title: bytes = TITLE
) -> Ciphered:
    iv = title + bytes.fromhex("00000007")
    return Ciphered(control, 7, *seal_payload(key, authentication, iv, control, PLAIN, header))


FORMS = ["glo-get-request", "general-glo-ciphering", "ded-get-request", "general-ded-ciphering"]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("control", [0x10, 0x20, 0x30, 0x11, 0x21, 0x31, 0x12, 0x22, 0x32, 0x70])
def test_every_form_and_suite_opens(name: str, control: int) -> None:
    size = 32 if control & 15 == 2 else 16
    key, authentication = bytes(range(size)), bytes(range(0xC0, 0xC0 + size))
    octets = build_apdu(name, {"system_title": TITLE, "protected": protected(control, key, authentication)})
    dedicated = "ded" in name
    keys = DlmsKeys(TITLE, None if dedicated else key, authentication, key if dedicated else None)
    facts = dissect_message(octets, keys=[keys]).facts
    assert facts["apdus"] == [name, "get-request"]
    assert facts["security"] == ["ok" if control & 0x10 else "unauthenticated"]


def test_without_keys_it_says_so_and_shows_the_rest() -> None:
    octets = build_apdu(
        "general-glo-ciphering", {"system_title": TITLE, "protected": protected(0x30, KEY, AUTHENTICATION)}
    )
    message = dissect_message(octets)
    assert message.facts["security"] == ["no_key"]
    assert message.facts["system_title"] == TITLE.hex()
    assert message.error is None


def test_authentication_key_missing_decrypts_without_trust() -> None:
    octets = build_apdu(
        "general-glo-ciphering", {"system_title": TITLE, "protected": protected(0x30, KEY, AUTHENTICATION)}
    )
    message = dissect_message(octets, keys=[DlmsKeys(TITLE, KEY)])
    assert message.facts["apdus"] == ["general-glo-ciphering", "get-request"]
    assert message.facts["security"] == ["unauthenticated"]
    assert any("not authenticated" in issue.text for issue in message.issues)


@pytest.mark.parametrize("control", [0x20, 0x30])
def test_a_wrong_key_says_so(control: int) -> None:
    octets = build_apdu("glo-get-request", {"protected": protected(control, KEY, AUTHENTICATION)})
    message = dissect_message(octets, keys=[DlmsKeys(TITLE, bytes(16), AUTHENTICATION)])
    assert message.facts["security"] == ["bad_tag"]
    assert message.facts["apdus"] == ["glo-get-request"]
    assert any("key mismatch" in issue.text for issue in message.issues)


def test_a_wrong_authentication_key_still_shows_the_content() -> None:
    octets = build_apdu("glo-get-request", {"protected": protected(0x30, KEY, AUTHENTICATION)})
    message = dissect_message(octets, keys=[DlmsKeys(TITLE, KEY, bytes(16))])
    assert message.facts["security"] == ["bad_tag"]
    assert message.facts["apdus"] == ["glo-get-request", "get-request"]


def general(key_info: object, control: int, key: bytes, authentication: bytes) -> bytes:
    names = (
        "transaction_id",
        "originator_system_title",
        "recipient_system_title",
        "date_time",
        "other_information",
    )
    header = dict(zip(names, (b"\1\2", TITLE, PEER, b"", b"\x09"), strict=True))
    lengths = b"".join(build_octets(value) for value in header.values())
    values = {**header, "key_info": key_info, "protected": protected(control, key, authentication, lengths)}
    return build_apdu("general-ciphering", values)


def test_general_ciphering_with_identified_and_wrapped_keys() -> None:
    held = DlmsKeys(
        None, KEY, AUTHENTICATION, broadcast_key=bytes(range(1, 17)), master_key=bytes(range(2, 18))
    )
    session = bytes(range(3, 19))
    wrapped = keywrap.aes_key_wrap(held.master_key or b"", session)
    cases = [
        (None, KEY),
        ({"choice": "identified-key", "key_id": 0}, KEY),
        ({"choice": "identified-key", "key_id": 1}, held.broadcast_key),
        ({"choice": "wrapped-key", "kek_id": 0, "key_ciphered_data": wrapped}, session),
    ]
    for info, key in cases:
        octets = general(info, 0x30, key or b"", AUTHENTICATION)
        assert dissect_message(octets, keys=[held]).facts["security"] == ["ok"], info


@pytest.mark.parametrize("suite", [1, 2])
def test_general_ciphering_with_agreed_keys(suite: int) -> None:
    size = 48 if suite == 2 else 32
    curve = ec.SECP384R1() if suite == 2 else ec.SECP256R1()
    own, peer = (0x1234567).to_bytes(size, "big"), (0x7654321).to_bytes(size, "big")
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + public_octets(own, suite))
    shared = ec.derive_private_key(0x7654321, curve).exchange(ec.ECDH(), point)
    algorithm = bytes.fromhex("608574050803") + bytes((suite - 1,))
    authentication = bytes(range(32 if suite == 2 else 16))
    keys = DlmsKeys(
        None, None, authentication, agreement_private=own, agreement_public=public_octets(peer, suite)
    )
    cases = [
        (b"\x01", public_octets(peer, suite), algorithm + TITLE + PEER),
        (b"\x02", b"", algorithm + b"\x02\1\2" + TITLE + PEER),
    ]
    for parameters, data, other in cases:
        info = {"choice": "agreed-key", "key_parameters": parameters, "key_ciphered_data": data}
        octets = general(info, 0x30 | suite, derive_key(shared, other, suite), authentication)
        assert dissect_message(octets, keys=[keys]).facts["security"] == ["ok"]


@pytest.mark.parametrize("suite", [1, 2])
def test_general_signing(suite: int) -> None:
    curve = ec.SECP384R1() if suite == 2 else ec.SECP256R1()
    key = ec.derive_private_key(0xABCDEF, curve)
    size = 48 if suite == 2 else 32
    public = public_octets((0xABCDEF).to_bytes(size, "big"), suite)
    values = {
        "transaction_id": b"\1", "originator_system_title": TITLE, "recipient_system_title": PEER,
        "date_time": b"", "other_information": b"", "content": PLAIN, "signature": None,
    }  # fmt: skip
    unsigned = build_apdu("general-signing", values)
    r, s = decode_dss_signature(
        key.sign(unsigned[1:], ec.ECDSA(hashes.SHA384() if suite == 2 else hashes.SHA256()))
    )
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    octets = build_apdu("general-signing", {**values, "signature": signature})
    message = dissect_message(octets, keys=[DlmsKeys(signing_public=public)])
    assert message.facts["apdus"] == ["general-signing", "get-request"]
    assert message.facts["signatures"] == ["valid"]
    spoilt = octets[:-1] + bytes((octets[-1] ^ 1,))
    assert dissect_message(spoilt, keys=[DlmsKeys(signing_public=public)]).facts["signatures"] == ["invalid"]
    assert dissect_message(octets).facts["signatures"] == ["no_key"]
    assert not verify_signature(public_key(public), signature[:10], unsigned)


def test_hls_answers_on_the_wire_are_checked() -> None:
    """Passes 1 to 4 with GMAC: both answers valid, then a wrong one."""
    keys = DlmsKeys(None, KEY, AUTHENTICATION)
    association = Association.with_keys([keys])
    client, server = b"K56iVagY", b"P6wRJ21F"
    aarq = build_apdu("aarq", {"body": {
        "application_context_name": bytes.fromhex("060760857405080101"), "calling_ap_title": b"\x04\x08" + TITLE,
        "mechanism_name": bytes.fromhex("60857405080205"), "calling_authentication_value": b"\x80\x08" + client,
    }})  # fmt: skip
    aare = build_apdu("aare", {"body": {
        "application_context_name": bytes.fromhex("060760857405080101"), "responding_ap_title": b"\x04\x08" + PEER,
        "mechanism_name": bytes.fromhex("60857405080205"), "responding_authentication_value": b"\xaa\x08" + server,
    }})  # fmt: skip
    own = Challenge(server, client, TITLE, PEER)
    answer = gmac_answer(own, keys, 0x10, bytes.fromhex("00000001"))
    pass3 = build_apdu("action-request", {
        "invoke_id_and_priority": 0xC1, "method": (15, "0-0:40.0.0.255", 1), "data": ("octet-string", answer),
    }, "normal")  # fmt: skip
    back = gmac_answer(Challenge(client, server, PEER, TITLE), keys, 0x10, bytes.fromhex("00000002"))
    pass4 = build_apdu("action-response", {"invoke_id_and_priority": 0xC1, "answer": {
        "result": 0, "return": {"choice": "data", "data": ("octet-string", back)},
    }}, "normal")  # fmt: skip
    states = [
        dissect_message(apdu, association=association).facts.get("authentication")
        for apdu in (aarq, aare, pass3, pass4, pass4[:-1] + b"\0")
    ]
    assert states == [None, None, ["valid"], ["valid"], ["invalid"]]


@pytest.mark.parametrize("mechanism", ["HLS-MD5", "HLS-SHA1", "HLS-SHA256"])
def test_hash_answers(mechanism: str) -> None:
    challenge = Challenge(b"challenge", b"other", TITLE, PEER)
    answer = hash_answer(mechanism, challenge, b"secret")
    assert answer is not None
    assert check_answer(mechanism, answer, challenge, [DlmsKeys(secret=b"secret")]) == "valid"
    assert check_answer(mechanism, answer, challenge, [DlmsKeys(secret=b"wrong")]) == "invalid"
    assert check_answer(mechanism, answer, challenge, [DlmsKeys()]) == "no_key"


def test_invocation_counters_by_sender_and_key() -> None:
    counters = InvocationCounters()
    said = [
        counters.observe(title, kind, counter, octets)
        for title, kind, counter, octets in [
            (TITLE, "global", 5, b"a"), (TITLE, "global", 6, b"b"), (PEER, "global", 5, b"a"),
            (TITLE, "dedicated", 5, b"a"), (TITLE, "global", 6, b"b"), (TITLE, "global", 6, b"c"),
            (TITLE, "global", 2, b"d"),
        ]
    ]  # fmt: skip
    texts = [issues[0].text if issues else "" for issues in said]
    assert texts[:4] == [""] * 4
    assert "same octets" in texts[4]
    assert "used twice" in texts[5]
    assert "steps back from 6 to 2" in texts[6]


def test_secrets_stay_out_of_fields_unless_revealed() -> None:
    lls = bytes.fromhex(
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0"
    )
    assert "3132333435363738" not in json.dumps(dissect_message(lls).to_json())
    assert "3132333435363738" in json.dumps(dissect_message(lls, reveal=True).to_json())
    assert "00010203" not in repr(DlmsKeys(TITLE, KEY, AUTHENTICATION))
