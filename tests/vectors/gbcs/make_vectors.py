"""Writes the vectors of this folder: a small SMKI of our own, and messages built and protected with it.

Run from the root of the repository: ``python tests/vectors/gbcs/make_vectors.py``. Keys are fixed numbers and
signatures deterministic (RFC 6979), so that the files come out the same every time. What is expected of
each message is written from what went into it, never from what the dissector says.
"""

import csv
import datetime
import json
import sys
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from dissectors.gbcs import Keystore, dissect_message, payloads, utrn
from dissectors.gbcs import build as gbcs
from dissectors.gbcs.asn1.der import build_der
from dissectors.gbcs.asn1.der import oid as oid_shape
from dissectors.gbcs.asn1.structures import structure
from dissectors.gbcs.building.templates import response_payload
from dissectors.gbcs.sealing import MessageHeader, content_key

HERE = Path(__file__).parent
BROKER, SUPPLIER, OTHER = (bytes.fromhex(f"0a51c00000000{n:03x}") for n in (2, 0x100, 0x200))
STRANGER = bytes.fromhex("0a51c00000000fff")
ESME, GSME, GPF, PPMID = (bytes.fromhex(f"0a51c0de0000000{n}") for n in (0, 1, 3, 4))
ROLES = {BROKER: 4, SUPPLIER: 2, OTHER: 3, STRANGER: None}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
USES = {"ds": "digitalSignature", "ka": "keyAgreement", "pp-ka": "prePaymentTopUp"}


def scalar(entity: bytes, use: str) -> int:
    """A private key out of nothing but its name: for tests only, of course."""
    return (
        int.from_bytes(sha256(b"hanscope test key" + entity + use.encode()).digest(), "big") % (ORDER - 1) + 1
    )


def key(entity: bytes, use: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(scalar(entity, use), ec.SECP256R1())


def identifier(public: ec.EllipticCurvePublicKey) -> bytes:
    """Eight octets of key identifier (RFC 5280 4.2.1.2, method 2)."""
    form = serialization.PublicFormat.UncompressedPoint
    point = public.public_bytes(serialization.Encoding.X962, form)
    digest = bytearray(sha256(point).digest()[:8])
    digest[0] = digest[0] & 0x0F | 0x40
    return bytes(digest)


ROOT_KEY = key(bytes(8), "root")
ROOT_NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "07"),
        x509.NameAttribute(NameOID.COMMON_NAME, "hanscope test root"),
    ]
)


def subject_of(entity: bytes) -> x509.Name:
    if ROLES.get(entity) is None and entity != STRANGER:
        return x509.Name([])
    role = ROLES.get(entity)
    names = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{127 if role is None else role:02X}")]
    unique = x509.NameAttribute(
        ObjectIdentifier("2.5.4.45"), b"\0" + entity, x509.name._ASN1Type.BitString, _validate=False
    )
    return x509.Name([*names, unique])


def hardware(entity: bytes) -> x509.OtherName:
    """hardwareModuleName of a device: hwType and its id."""
    oid = build_der(oid_shape("hardware_type"), "1.2.826.0.1.8641679.1.2.2")
    body = oid + b"\x04\x08" + entity
    return x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.4"), b"\x30" + bytes((len(body),)) + body)


def usage(use: str, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=use == "ds",
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=use in ("ka", "pp-ka"),
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def certificate(entity: bytes, use: str, authority: bool = False) -> bytes:
    private = ROOT_KEY if authority else key(entity, use)
    serial = int.from_bytes(sha256(entity + use.encode()).digest()[:15], "big")
    builder = (
        x509.CertificateBuilder()
        .serial_number(serial)
        .issuer_name(ROOT_NAME)
        .subject_name(ROOT_NAME if authority else subject_of(entity))
        .public_key(private.public_key())
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2046, 1, 1))
        .add_extension(usage(use, authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(identifier(private.public_key())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier(identifier(ROOT_KEY.public_key()), None, None), critical=False
        )
    )
    if not authority and entity not in ROLES:
        names = x509.SubjectAlternativeName([hardware(entity)])
        builder = builder.add_extension(names, critical=True)
    made = builder.sign(ROOT_KEY, hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(serialization.Encoding.DER)


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


def entities() -> list[tuple[bytes, str]]:
    out = [(e, u) for e in (BROKER, SUPPLIER, OTHER, ESME, GSME, GPF) for u in ("ds", "ka")]
    return [*out, (SUPPLIER, "pp-ka"), (STRANGER, "ka"), (PPMID, "ka")]


def write_keystore() -> Keystore:
    folder = HERE / "keystore"
    folder.mkdir(exist_ok=True)
    (folder / "root.pem").write_text(pem(certificate(bytes(8), "root", authority=True)))
    rows = []
    for entity, use in entities():
        (folder / f"{entity.hex()}-{use}.pem").write_text(pem(certificate(entity, use)))
        cell = "prePaymentTopUp" if use == "pp-ka" else "management"
        name = "keyAgreement" if use == "pp-ka" else USES[use]
        rows.append((entity.hex(), name, cell, f"{scalar(entity, use):064x}"))
    with (folder / "scalars.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("entity_id", "key_usage", "cell_usage", "p256_scalar_hex"))
        writer.writerows(rows)
    store = Keystore(BROKER)
    for path in sorted(folder.iterdir()):
        store.add(path.read_bytes(), path.name)
    return store


ROWS: list[dict[str, object]] = []


def note(name: str, octets: bytes, **expected: object) -> bytes:
    ROWS.append({"id": name, "hex": octets.hex(), "expected": expected})
    return octets


def ask(store: Keystore, name: str, device: bytes, counter: int, **more: object) -> bytes:
    return gbcs.command(name, originator=SUPPLIER, recipient=device, counter=counter, keystore=store, **more)


def registers(store: Keystore) -> None:
    """Import registers read, encrypted in the answer: Wh with a scaler of its own."""
    octets = note("ecs17b-command", ask(store, "ECS17b", ESME, 1001), use_case="ECS17b", mac="valid")
    command = dissect_message(octets, store)
    wh = ("structure", [("integer", 1), ("enum", 30)])
    varh = ("structure", [("integer", 0), ("enum", 32)])
    data = ("structure", [("double-long-unsigned", 4711), wh, ("double-long-unsigned", 12), varh])
    header = MessageHeader(2, 1001, ESME, SUPPLIER, command.layout.message_code)
    payload = response_payload(header.message_code, header, store, {(1, "0-0:94.44.34.10", 2): data})
    octets = gbcs.response(command, keystore=store, payload=payload)
    note(
        "ecs17b-response",
        octets,
        use_case="ECS17b",
        mac="valid",
        decrypted_parts=1,
        value=4711,
        number=47110,
        unit="Wh",
    )


def tariff(store: Keystore) -> None:
    """A critical command: pre-command, command, response, and the alert of its execution."""
    parties = {"originator": SUPPLIER, "recipient": ESME, "counter": 1002}
    note(
        "ecs02-pre-command",
        gbcs.pre_command("ECS02", **parties),
        use_case="ECS02",
        signature="absent",
        pre_command=True,
    )
    octets = note(
        "ecs02-command", ask(store, "ECS02", ESME, 1002), use_case="ECS02", signature="valid", mac="valid"
    )
    answer = gbcs.response(dissect_message(octets, store), keystore=store)
    note("ecs02-response", answer, use_case="ECS02", signature="valid", mac="absent", outcome="success")
    when = bytes.fromhex("07ea0701ff0c0000008000ff")
    code = dissect_message(octets).layout.message_code
    done = code.to_bytes(2, "big") + (1002).to_bytes(8, "big") + bytes.fromhex("006f0001130000ff0a")
    body = ("structure", [("long-unsigned", 0x8F66), ("octet-string", when), ("octet-string", done)])
    payload = payloads.notification(body, 7)
    octets = gbcs.alert(
        0x00CC, originator=ESME, recipient=SUPPLIER, counter=7, payload=payload, keystore=store,
        signed_by_originator=True,
    )  # fmt: skip
    note("ecs02-alert", octets, use_case="ECS02", signature="valid", alert_code=0x8F66, outcome="success")


def gas(store: Keystore) -> None:
    """Gas registers: an encrypted GBZ component, and a debt log."""
    octets = note("gcs13c-command", ask(store, "GCS13c", GSME, 2001), use_case="GCS13c", mac="valid")
    command = dissect_message(octets, store)
    attributes = ((0x0300, 0x30, 1), (0x0301, 0x22, 1), (0x0302, 0x22, 1000), (0x0100, 0x25, 5000))
    records = [{"attribute": a, "status": 0, "type": kind, "value": value} for a, kind, value in attributes]
    values = {"records": records}
    header = MessageHeader(2, 2001, GSME, SUPPLIER, command.layout.message_code)
    part = payloads.ZclCommand(0x0702, 0x18, 1, values, encrypted=True)
    payload = payloads.gbz([part], key=content_key(store, header), originator=GSME)
    octets = gbcs.response(command, keystore=store, payload=payload)
    note(
        "gcs13c-response",
        octets,
        use_case="GCS13c",
        mac="valid",
        decrypted_parts=1,
        value=5000,
        number=5.0,
        unit="m3",
    )
    tail = bytes.fromhex("0001")
    octets = gbcs.alert(
        0x00F2, originator=GSME, recipient=SUPPLIER, counter=9, keystore=store,
        payload=payloads.gbz_alert(0x81A0, 800_000_000, tail),
    )  # fmt: skip
    note("gas-integrity-alert", octets, use_case="MIIWA-ZigBee", alert_code=0x81A0)


def credentials(store: Keystore) -> None:
    """A supplier's certificates replaced; a device that hands out a certificate."""
    cell = {"role": 2, "key_usage": b"\x80"}
    values = {
        "control": {"mode": 2, "authorising_cell": cell, "authorising_sequence_number": 3001},
        "replacements": [
            {"certificate": certificate(SUPPLIER, "ds"), "target_cell": cell},
            {"certificate": certificate(SUPPLIER, "ka"), "target_cell": {"role": 2, "key_usage": b"\x08"}},
        ],
        "certification_path": [certificate(bytes(8), "root", authority=True)],
        "execution_time": "20260701120000Z",
    }
    payload = build_der(structure(0x0102, 1), values)
    octets = ask(store, 0x0102, ESME, 3001, payload=payload)
    note("cs02b-command", octets, use_case="CS02b", signature="valid", mac="valid", value=SUPPLIER.hex())
    asked = {"authorising_cell": cell, "roles": [2, 4, 8]}
    octets = ask(store, 0x011B, ESME, 3002, payload=build_der(structure(0x011B, 1), asked))
    note("cs02f-command", octets, use_case="CS02f", value=8)
    payload = certificate(ESME, "ds")
    parties = {"originator": ESME, "recipient": SUPPLIER, "counter": 3003}
    octets = gbcs.response(name="CS02e", payload=payload, keystore=store, **parties)
    note("cs02e-response", octets, use_case="CS02e", signature="valid", value=ESME.hex())


def top_up(store: Keystore) -> None:
    """A token in a command of its own counter."""
    counter = 77 << 32
    token = utrn.generate(SUPPLIER, ESME, counter, 25, store, pounds=True)
    data = ("octet-string", token.encode())
    row = payloads.Ask(3, 115, "0-0:19.40.0.255", 1, data)
    payload = payloads.access_request([row], counter)
    octets = ask(store, "CS01a", ESME, counter, payload=payload)
    note("cs01a-command", octets, use_case="CS01a", mac="valid", utrn=token, pounds=25.0)


def stranger(store: Keystore) -> None:
    """An Unknown Remote Party asks through the broker, with its certificate, and may read the answer."""
    octets = gbcs.command(
        "ECS66", originator=BROKER, recipient=ESME, counter=4001, keystore=store,
        supplementary_party=STRANGER, supplementary_counter=5, certificate=certificate(STRANGER, "ka"),
    )  # fmt: skip
    note("ecs66-unknown-party-command", octets, use_case="ECS66", mac="valid")
    command = dissect_message(octets, store)
    octets = gbcs.response(command, keystore=store, supplementary_originator_counter=4002)
    note("ecs66-unknown-party-response", octets, use_case="ECS66", mac="valid", decrypted_parts=1)


def han_only(store: Keystore) -> None:
    """PPMID to GSME: their own pair of keys, no broker."""
    octets = gbcs.command("PCS02", originator=PPMID, recipient=GSME, counter=11, keystore=store)
    note("pcs02-command", octets, use_case="PCS02", mac="valid")
    note(
        "pcs02-response",
        gbcs.response(dissect_message(octets, store), keystore=store),
        use_case="PCS02",
        mac="valid",
    )


def main() -> None:
    store = write_keystore()
    for part in (registers, tariff, gas, credentials, top_up, stranger, han_only):
        part(store)
    with (HERE / "messages.jsonl").open("w") as file:
        for row in ROWS:
            file.write(json.dumps(row) + "\n")
    print(f"{len(ROWS)} messages")


if __name__ == "__main__":
    main()
