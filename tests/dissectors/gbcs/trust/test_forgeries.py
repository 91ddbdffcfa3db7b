"""A verdict proves who spoke: messages by every other party, with parts of others, in a wrong pair, at a wrong time, in a
wrong role, are believed by nobody. The figures stand in docs/reliability.md (HANSCOPE_WRITE=1 writes them again)."""

import os
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.envelope import read_envelope
from dissectors.gbcs.trust.verification import GROUP_ORDER
from tests.dissectors.gbcs import forging, rtds
from tests.dissectors.gbcs.forging import AT, BROKER, ESME, GSME, OPERATOR, OTHER_SUPPLIER, SUPPLIER

MADE = forging.smki()
STORE = forging.keystore(MADE)
EVERYBODY = [*forging.PARTIES, OTHER_SUPPLIER, *forging.DEVICES]
DOCUMENT = Path(__file__).parents[4] / "docs" / "reliability.md"
RTDS_BROKER = bytes.fromhex("90b3d51f30000002")


def forgeries(octets, other, store, broker, who, chance):
    """Everything that is tried on one message: what it is called, and its octets."""
    yield from forging.by_others(octets, store, broker, who)
    yield from forging.wrong_pairs(octets, store, broker, who)
    yield from forging.stripped(octets, store, broker)
    yield from forging.swapped(octets, other, store, broker)
    for _ in range(4):
        place, bit = chance.randrange(len(octets)), chance.randrange(8)
        yield "one bit turned", octets[:place] + bytes([octets[place] ^ 1 << bit]) + octets[place + 1 :]


def tried(messages, store, broker, who, at):
    """How many forgeries of each sort were tried on `messages`, and those that were believed."""
    chance, counts, accepted = random.Random(7), Counter(), []
    for number, octets in enumerate(messages):
        other = messages[number - 1]
        for name, forged in forgeries(octets, other, store, broker, who, chance):
            counts[name] += 1
            if forging.believed(forged, store, at):
                accepted.append((name, octets.hex()[:120]))
    return counts, accepted


@pytest.fixture(scope="module")
def honest():
    exchanges = [
        make(STORE, code) for code in forging.codes() for make in (forging.command, forging.response)
    ]
    return exchanges + [forging.alert(STORE, code) for code in forging.ALERTS]


def test_honest_messages_are_believed(honest):
    for octets in honest:
        facts = dissect_message(octets, STORE, at=AT).facts
        assert forging.believed(octets, STORE), facts
        assert facts["trust"] == ("trusted" if facts["signature"] == "valid" else "absent"), facts[
            "trust_reason"
        ]
        if facts["cra"] == "command" and facts["mac"] == "valid" and facts["category"] != "SME.C.PPMID-GSME":
            assert facts["access_control_broker"] == BROKER.hex()


def test_no_forgery_of_our_own_is_believed(honest):
    counts, accepted = tried(honest, STORE, BROKER, EVERYBODY, AT)
    assert accepted == []
    _documented("own", len(honest), len(EVERYBODY), counts)


def test_no_forgery_of_the_reference_messages_is_believed(shared):
    store = rtds.keystore(shared)
    everything = rtds.messages(shared)
    messages = [
        o for n, o in everything.items() if "PRECOMMAND" not in n and forging.believed(o, store, None)
    ]
    who = list(dict.fromkeys(entity for entity, _ in store._scalars))
    counts, accepted = tried(messages, store, RTDS_BROKER, who, None)
    assert accepted == []
    _documented("rtds", len(messages), len(who), counts)


# --- who made it


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("maker", [e for e in EVERYBODY if e != BROKER], ids=lambda e: e.hex())
def test_a_command_authenticated_by_anybody_else_names_its_maker(maker, configured):
    store = forging.keystore(MADE)
    store.access_control_broker = BROKER if configured else None
    octets = forging.command(store, 0x0027)
    forged = forging.remade(octets, None, store.secrets(maker, ESME)[0], store)
    message = dissect_message(forged, store, at=AT)
    assert message.facts["mac"] == "invalid"
    assert "access_control_broker" not in message.facts
    reason = message.facts["mac_reason"]
    assert reason.startswith(f"made by {maker.hex()} (")
    assert reason.endswith("who is not entitled: only the Access Control Broker makes the MAC of a command")
    assert any(reason in issue.text and issue.severity == "error" for issue in message.issues)


def test_where_no_broker_is_known_nothing_is_valid_and_it_says_what_to_give():
    store = Keystore()
    for entity in EVERYBODY:
        for key in STORE.private_keys(entity, "keyAgreement"):
            store.add_scalar(entity, "keyAgreement", key.private_numbers().private_value)
    octets = forging.command(STORE, 0x0027)
    facts = dissect_message(octets, store).facts
    assert facts["mac"] == "no_key"
    assert f"made by {BROKER.hex()}" in facts["mac_reason"] and "access_control_broker" in facts["mac_reason"]
    store.access_control_broker = BROKER
    assert dissect_message(octets, store).facts["mac"] == "valid"
    empty = dissect_message(octets, Keystore()).facts
    assert empty["mac"] == "no_key" and "give access_control_broker" in empty["mac_reason"]


def test_a_role_of_keys_toml_makes_a_broker_and_a_self_signed_certificate_does_not():
    octets = forging.command(STORE, 0x0027)
    store = Keystore()
    for entity in (BROKER, ESME):
        key = STORE.private_keys(entity, "keyAgreement")[0]
        store.add_scalar(entity, "keyAgreement", key.private_numbers().private_value)
    store.name_roles({BROKER: "Access Control Broker"})
    assert dissect_message(octets, store).facts["mac"] == "valid"
    thief = bytes.fromhex("bad0000000000001")
    store.name_roles({})
    store.add_certificate(own_certificate(thief, 4, "keyAgreement"))
    store.add_scalar(thief, "keyAgreement", 99)
    assert store.brokers() == ()
    forged = forging.remade(octets, None, store.secrets(thief, ESME)[0], store)
    assert dissect_message(forged, store).facts["mac"] == "invalid"


def test_answers_come_from_devices_and_go_to_parties():
    answer = forging.response(STORE, 0x0027)
    assert dissect_message(answer, STORE).facts["mac"] == "valid"
    swap = answer.replace(ESME, b"#" * 8).replace(SUPPLIER, GSME).replace(b"#" * 8, ESME)
    layout = read_envelope(swap)
    to_device = forging.remade(swap, None, STORE.secrets(layout.originator, layout.recipient)[0], STORE)
    facts = dissect_message(to_device, STORE).facts
    assert (facts["mac"], facts["mac_reason"]) == (
        "invalid", f"made for {GSME.hex()} (GSME): a response goes to a remote party")  # fmt: skip
    reflected = forging.another_payload(STORE, 0x0027)
    facts = dissect_message(reflected, STORE).facts
    assert facts["mac"] == "invalid" and "only a device makes the MAC of a response" in facts["mac_reason"]


def test_only_a_display_speaks_to_the_gas_meter():
    octets = forging.command(STORE, 0x0090)
    assert dissect_message(octets, STORE).facts["mac"] == "valid"
    for other in (SUPPLIER, BROKER, forging.HCALCS):
        forged = octets.replace(forging.PPMID, other)
        forged = forging.remade(forged, None, STORE.secrets(other, GSME)[0], STORE)
        facts = dissect_message(forged, STORE).facts
        assert facts["mac"] == "invalid" and "only a PPMID and the GSME" in facts["mac_reason"], other.hex()


# --- trust


def own_certificate(entity, role, use, *, until=datetime(2046, 1, 1), since=datetime(2020, 1, 1), scalar=99):
    """A certificate that its own key signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    from captures.simulated.remote import smki

    key = smki.private_key(scalar)
    name = smki._subject(entity, role)
    builder = x509.CertificateBuilder().serial_number(77).issuer_name(name).subject_name(name)
    builder = builder.public_key(key.public_key()).not_valid_before(since).not_valid_after(until)
    builder = builder.add_extension(smki._usage(use, authority=False), critical=True)
    identifier = x509.SubjectKeyIdentifier(smki.identifier(key.public_key()))
    made = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def trust(octets, store, at=AT):
    facts = dissect_message(octets, store, at=at).facts
    return facts["signature"], facts["trust"], facts["trust_reason"]


CRITICAL = forging.command(STORE, 0x001A)


def test_without_a_root_and_without_a_time_nothing_is_trusted():
    assert trust(CRITICAL, STORE)[:2] == ("valid", "trusted")
    assert (
        "chain to the root" in trust(CRITICAL, STORE)[2] and "valid at that time" in trust(CRITICAL, STORE)[2]
    )
    verdict = trust(CRITICAL, STORE, None)
    assert verdict[:2] == ("valid", "unchecked") and "expiry not checked: no time" in verdict[2]
    verdict = trust(CRITICAL, forging.keystore(MADE, roots=False))
    assert verdict[:2] == ("valid", "unchecked") and "not checked against a root" in verdict[2]
    assert trust(CRITICAL, None)[:2] == ("no_key", "unchecked")
    assert trust(forging.command(STORE, 0x0027), STORE)[:2] == ("absent", "absent")


def test_an_authority_among_the_certificates_is_no_root():
    store = forging.keystore(MADE, roots=False)
    store.add_certificate(MADE.root())
    assert trust(CRITICAL, store)[1] == "unchecked"
    other = forging.Smki(1, forging.START, BROKER)
    store.add_root(other.root())
    verdict = trust(CRITICAL, store)
    assert verdict[1] == "untrusted" and "is not a root that was given" in verdict[2]


def test_a_self_signed_certificate_is_not_trusted_with_or_without_a_root():
    for roots in (True, False):
        store = Keystore(BROKER)
        store.add_root(MADE.root()) if roots else None
        store.add_certificate(own_certificate(SUPPLIER, 2, "digitalSignature", until=datetime(2002, 1, 1),
                                              since=datetime(2001, 1, 1)))  # fmt: skip
        store.add_scalar(SUPPLIER, "digitalSignature", 99)
        octets = forging.remade(CRITICAL, SUPPLIER, None, store)
        signature, state, reason = trust(octets, store)
        assert (signature, state) == ("valid", "untrusted")
        assert "self-signed" in reason and "expired on 2002-01-01" in reason
        assert trust(octets, store, None)[1] == "untrusted"


@pytest.mark.parametrize("year", [2020, 2060])
def test_a_certificate_counts_at_the_time_of_the_message(year):
    verdict = trust(CRITICAL, STORE, datetime(year, 6, 1, tzinfo=UTC))
    assert verdict[:2] == ("valid", "untrusted")
    assert ("expired on" if year == 2060 else "is valid from") in verdict[2]


def test_the_role_must_be_one_of_the_use_case():
    from dissectors.gbcs import build

    octets = build.command("ECS02", originator=OPERATOR, recipient=ESME, counter=9, keystore=STORE)
    for store in (STORE, forging.keystore(MADE, roots=False)):
        signature, state, reason = trust(octets, store)
        assert (signature, state) == ("valid", "untrusted")
        assert "role Network Operator may not send ECS02: only Supplier" in reason
    issues = dissect_message(octets, STORE, at=AT).issues
    assert any(i.severity == "warning" and "may not send ECS02" in i.text for i in issues)


def test_a_key_for_agreement_does_not_sign():
    store = Keystore(BROKER)
    store.add_root(MADE.root())
    store.add_certificate(MADE.certificate(SUPPLIER, "keyAgreement"))
    number = STORE.private_keys(SUPPLIER, "keyAgreement")[0].private_numbers().private_value
    signing = Keystore(BROKER)
    signing.add_scalar(SUPPLIER, "digitalSignature", number)
    octets = forging.remade(CRITICAL, SUPPLIER, None, signing)
    signature, state, reason = trust(octets, store)
    assert (signature, state) == ("valid", "untrusted") and "key usage is keyAgreement" in reason


def test_a_party_s_certificate_issues_nothing():
    """A chain whose middle is a supplier's own certificate, which names itself as issuer of another."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    from captures.simulated.remote import smki

    issuer = x509.load_der_x509_certificate(MADE.certificate(OPERATOR, "digitalSignature"))
    key = smki.private_key(31)
    builder = x509.CertificateBuilder().serial_number(5).issuer_name(issuer.subject)
    builder = builder.subject_name(smki._subject(SUPPLIER, 2)).public_key(key.public_key())
    builder = builder.not_valid_before(datetime(2025, 1, 1)).not_valid_after(datetime(2030, 1, 1))
    builder = builder.add_extension(smki._usage("digitalSignature", authority=False), critical=True)
    signer = smki.private_key(smki.scalar(MADE.seed, OPERATOR, "digitalSignature"))
    der = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    store = Keystore(BROKER)
    store.add_root(MADE.root())
    store.add_certificate(MADE.certificate(OPERATOR, "digitalSignature"))
    store.add_certificate(der)
    store.add_scalar(SUPPLIER, "digitalSignature", 31)
    octets = forging.remade(CRITICAL, SUPPLIER, None, store)
    assert trust(octets, store)[:2] in (("valid", "untrusted"), ("valid", "unchecked"))
    assert trust(octets, store)[1] != "trusted"


def revocations(serial, *, key=None, when=datetime(2026, 1, 2)):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    from captures.simulated.remote import smki

    root = smki.private_key(smki.scalar(MADE.seed, smki.ROOT, "root"))
    builder = x509.CertificateRevocationListBuilder().issuer_name(smki._root_name())
    builder = builder.last_update(datetime(2026, 1, 3)).next_update(datetime(2026, 2, 3))
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
    builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key or root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_revoked_certificate_is_not_trusted_from_then_on():
    from captures.simulated.remote import smki
    from dissectors.gbcs.trust.certificates import read_certificate

    serial = read_certificate(MADE.certificate(SUPPLIER, "digitalSignature")).serial
    store = forging.keystore(MADE)
    store.add_revocation_list(revocations(serial + 1))
    assert trust(CRITICAL, store)[1] == "trusted" and "not revoked in the list" in trust(CRITICAL, store)[2]
    store.add_revocation_list(revocations(serial))
    verdict = trust(CRITICAL, store)
    assert verdict[:2] == ("valid", "untrusted") and "was revoked on 2026-01-02" in verdict[2]
    assert trust(CRITICAL, store, datetime(2026, 1, 1, tzinfo=UTC))[1] == "trusted"
    forged = forging.keystore(MADE)
    forged.add_revocation_list(revocations(serial, key=smki.private_key(5)))
    verdict = trust(CRITICAL, forged)
    assert verdict[1] == "trusted" and "are not signed by it" in verdict[2]


def test_what_is_known_of_a_signer_is_not_remembered_when_roots_and_revocations_come():
    """Without a time the trust in a signer is worked out once for each kind of message: until something is added."""
    from dissectors.gbcs.trust.certificates import read_certificate

    serial = read_certificate(MADE.certificate(SUPPLIER, "digitalSignature")).serial
    store = forging.keystore(MADE, roots=False)
    before = trust(CRITICAL, store, None)
    assert before == trust(CRITICAL, store, None) and "roots = [...] gives none" in before[2]
    store.add_root(MADE.root())
    rooted = trust(CRITICAL, store, None)
    assert rooted[1] == "unchecked" and "chain to the root" in rooted[2]
    store.add_revocation_list(revocations(serial))
    revoked = trust(CRITICAL, store, None)
    assert revoked[1] == "untrusted" and "revoked" in revoked[2]


def test_a_certificate_with_one_octet_changed_is_not_trusted():
    """Nowhere, also where nothing is signed: the outer signature algorithm."""
    from dissectors.gbcs.trust.certificates import read_certificate
    from dissectors.gbcs.trust.chains import find_paths
    from dissectors.gbcs.trust.signers import judge_certificate
    from dissectors.model.errors import DissectionError

    der = MADE.certificate(SUPPLIER, "digitalSignature")
    assert judge_certificate(read_certificate(der), STORE, at=AT).state == "trusted"
    for place in range(len(der)):
        try:
            changed = read_certificate(der[:place] + bytes([der[place] ^ 1 << place % 8]) + der[place + 1 :])
        except DissectionError:
            continue
        state = judge_certificate(changed, STORE, at=AT, paths=find_paths(changed, [], STORE.roots)).state
        assert state != "trusted", place


# --- stripped, altered


def test_a_stripped_signature_or_mac_is_told(honest):
    for octets in honest:
        for name, forged in forging.stripped(octets, STORE, BROKER):
            message = dissect_message(forged, STORE, at=AT)
            missing = [i for i in message.issues if "which the use case demands" in i.text]
            assert missing, (name, message.facts)
            worst = {i.severity for i in missing}
            before = message.facts["cra"] == "command" and read_envelope(forged).ciphering is None
            assert worst == ({"note"} if before else {"warning"}), (name, message.facts)


def test_an_altered_signature_verifies_and_is_noted():
    from analysis.views.messages import Source, dissect_all
    from dissectors.model.keyring import Keyring

    answer = forging.response(STORE, 0x001A)
    layout = read_envelope(answer)
    s = GROUP_ORDER - int.from_bytes(layout.raw_signature[32:], "big")
    altered = answer[: layout.signature + 33] + s.to_bytes(32, "big")
    pairs = list(dissect_all([Source("one", answer), Source("two", altered)], Keyring(gbcs=STORE)))
    notes = [[i.text for i in m.issues if "n - s" in i.text] for _, m in pairs]
    assert [m.facts["signature"] for _, m in pairs] == ["valid", "valid"]
    assert any("is that of one with n - s" in text for text in notes[1])
    high = [any("above n/2" in text for text in texts) for texts in notes]
    assert sorted(high) == [False, True]


# --- the page


BEGIN, END = (
    "<!-- forgeries {}: written by tests/dissectors/gbcs/trust/test_forgeries.py -->",
    "<!-- end of forgeries {} -->",
)
TITLES = {
    "own": "Our own messages: {:,}, a command and a response of every use case that has a template and the alerts, with a test SMKI "
    "of {} parties and devices, each of which tries each message.",
    "rtds": "Messages of RTDS 4.5.0 that are believed with the keys of the set: {:,}; tried by each of the {} holders of "
    "a published private key.",
}


def _documented(name, honest, people, counts):
    """The table of figures on the page is the one just measured."""
    begin, end = BEGIN.format(name), END.format(name)
    lines = [TITLES[name].format(honest, people), "", "| forgery | tried | believed |", "|---|---|---|"]
    lines += [f"| {what} | {number:,} | 0 |" for what, number in sorted(counts.items())]
    lines += [f"| all | {sum(counts.values()):,} | 0 |"]
    made = "\n".join(["", *lines, ""])
    before, rest = DOCUMENT.read_text().split(begin)
    after = rest.split(end)[1]
    if os.environ.get("HANSCOPE_WRITE"):
        DOCUMENT.write_text(before + begin + made + end + after)
    assert DOCUMENT.read_text() == before + begin + made + end + after, (
        "HANSCOPE_WRITE=1 writes docs/reliability.md"
    )
