"""The three counts again, by other means: no code of `dissectors.gbcs` but its keystore's key objects.

Signature, MAC and encrypted parts are found with regular expressions and offsets from the end, keys derived
with the library's ConcatKDF, tags checked with the low-level GCM mode.
"""

import re

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

BROKER = bytes.fromhex("90b3d51f30000002")
HEADER = re.compile(rb"\xdf\x09(.)(.{8})\x08(.{8})\x08(.{8})(\x00|\x0c.{12})", re.DOTALL)
SEALED = re.compile(rb"\x31\x00\x00\x00\x00", re.DOTALL)


def _exchange(store, one, other):
    for a, b in ((one, other), (other, one)):
        for private in store.private_keys(a, "keyAgreement"):
            for public in store.public_keys(b, "keyAgreement"):
                return private.exchange(ec.ECDH(), public)
    return None


def _key(secret, originator, transaction, recipient):
    info = bytes.fromhex("60857406080300") + originator + b"\x09" + transaction + recipient
    return ConcatKDFHash(SHA256(), 16, info).derive(secret)


def _opens(key, originator, aad, cipher, tag):
    mode = modes.GCM(originator + bytes(4), tag, min_tag_length=12)
    decryptor = Cipher(algorithms.AES(key), mode).decryptor()
    decryptor.authenticate_additional_data(aad)
    try:
        decryptor.update(cipher)
        decryptor.finalize()
    except InvalidTag:
        return False
    return True


def _length(octets, at):
    if octets[at] < 0x80:
        return octets[at], at + 1
    size = octets[at] & 0x7F
    return int.from_bytes(octets[at + 1 : at + 1 + size], "big"), at + 1 + size


def counts(messages, store):
    """Valid signatures, valid MACs, encrypted parts opened."""
    signatures = macs = parts = 0
    for octets in messages.values():
        start = octets.index(b"\xdf\x09")
        cra, counter, originator, recipient, _ = HEADER.match(octets, start).groups()
        after = HEADER.match(octets, start).end()
        size, at = _length(octets, after)
        extra = octets[at : at + size]
        size, content = _length(octets, at + size)
        end = content + size
        if octets[end : end + 1] == b"\x40":
            raw = octets[end + 1 : end + 65]
            encoded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            public = store.public_keys(originator, "digitalSignature")[0]
            try:
                public.verify(encoded, octets[start + 1 : end], ec.ECDSA(SHA256()))
                signatures += 1
            except InvalidSignature:
                pass
        if octets[0] == 0xDD:
            secret = _exchange(store, BROKER if cra == b"\x01" else originator, recipient)
            if secret and extra[:2] not in (b"\x00\x9b", b"\x00\x90"):
                key = _key(secret, originator, cra + counter, recipient)
                aad = b"\x11" + bytes(5) + octets[start:-12]
                macs += _opens(key, originator, aad, b"", octets[-12:])
        if cra == b"\x01":
            continue
        party = extra[2:10] if len(extra) >= 10 else recipient
        used = extra[18:26] if len(extra) == 26 else counter
        secret = _exchange(store, originator, party)
        for mark in SEALED.finditer(octets, content, end):
            if secret is None:
                continue
            # the length in front counts header, ciphertext and tag: A-XDR, or two octets in GBZ
            short = octets[mark.start() - 1]
            wide = int.from_bytes(octets[mark.start() - 2 : mark.start()], "big")
            key = _key(secret, originator, b"\x04" + used, party)
            for count in (short, wide):
                stop = mark.start() + count
                if count > 17 and stop <= end:
                    good = _opens(
                        key, originator, b"\x31", octets[mark.end() : stop - 12], octets[stop - 12 : stop]
                    )
                    parts += good
                    if good:
                        break
    return signatures, macs, parts
