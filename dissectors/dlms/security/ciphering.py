"""AES-GCM as DLMS uses it: authentication only, encryption only, and both.

Source: IEC 62056-5-3 (Green Book), clause on the security header and AES-GCM; NIST SP 800-38D.
IV = system title (8) and invocation counter (4). Additional data: security control and authentication key,
then the header strings of general-ciphering with their lengths, then the plain text when it is not encrypted.
"""

from __future__ import annotations

from dissectors.crypto.gcm import counter_mode, gcm_open, gcm_seal

__all__ = ["open_payload", "seal_payload"]


def open_payload(
    key: bytes, authentication_key: bytes, iv: bytes, control: int, payload: bytes, tag: bytes, header: bytes
) -> bytes | None:
    """The plain text of a protected payload whose tag was checked; None when it does not match."""
    aad = bytes((control,)) + authentication_key + header
    if control & 0x20:
        return gcm_open(key, iv, payload, aad, tag)
    return None if gcm_open(key, iv, b"", aad + payload, tag) is None else payload


def seal_payload(
    key: bytes, authentication_key: bytes, iv: bytes, control: int, plaintext: bytes, header: bytes = b""
) -> tuple[bytes, bytes]:
    """(payload, tag) of a plain text under a security control octet; the tag is empty without bit 4.

    >>> key, akey = bytes(range(16)), bytes(range(0xD0, 0xE0))
    >>> iv = bytes.fromhex("4d4d4d0000bc614e01234567")
    >>> payload, tag = seal_payload(key, akey, iv, 0x30, bytes.fromhex("c0010000080000010000ff0200"))
    >>> payload.hex(), tag.hex()
    ('411312ff935a47566827c467bc', '7d825c3be4a77c3fcc056b6b')
    """
    if not control & 0x10:
        return (counter_mode(key, iv, plaintext) if control & 0x20 else plaintext), b""
    aad = bytes((control,)) + authentication_key + header
    if control & 0x20:
        return gcm_seal(key, iv, plaintext, aad)
    return plaintext, gcm_seal(key, iv, b"", aad + plaintext)[1]
