"""Known answers of the ZigBee cryptography, each with its source."""

import pytest

from dissectors.crypto.ccm import ccm_open, ccm_seal
from dissectors.crypto.mmo import aes_mmo, hmac_mmo
from dissectors.ieee802154.security import open_mac, seal_mac
from dissectors.model.errors import Malformed
from dissectors.zigbee.security.link_keys import (
    WELL_KNOWN_LINK_KEY,
    install_code_crc,
    install_code_key,
    key_load_key,
    key_transport_key,
    verify_key_hash,
)

RAMP = bytes(n % 256 for n in range(8202))
KEY = bytes(range(0xC0, 0xD0))


# ZigBee 05-3474 annexes B.6 and C.5
@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"\xc0", "AE3A102A28D43EE0D4A09E22788B206C"),
        (KEY, "A7977E88BC0B61E8210827109A228F2D"),
        (RAMP[:8191], "24EC2FE75BBFFCB34789BC0610E7F165"),
        (RAMP[:8192], "DC6B0687F09F8607131C170B3BD31591"),
        (RAMP[:8201], "72C9B15E178AA843E4A16C58E33643A3"),
        (RAMP[:8202], "BC9828D59B2AA323DAF20BE5F2E66511"),
    ],
)
def test_aes_mmo(message: bytes, digest: str) -> None:
    assert aes_mmo(message) == bytes.fromhex(digest)


# 05-3474 annex C.6: a key of one block; then a key of two, which is hashed first
@pytest.mark.parametrize(
    ("key", "message", "digest"),
    [
        (bytes(range(0x40, 0x50)), b"\xc0", "4512807BF94CB3400F0E2C25FB76E999"),
        (bytes(range(0x40, 0x60)), KEY, "a3b0079984bf1557f74a0d6387e0a11a"),
    ],
)
def test_hmac_mmo(key: bytes, message: bytes, digest: str) -> None:
    assert hmac_mmo(key, message) == bytes.fromhex(digest)


def test_ccm_star() -> None:
    """05-3474 annex C.4."""
    nonce = bytes.fromhex("A0A1A2A3A4A5A6A7 03020100 06")
    header, clear = bytes(range(8)), bytes(range(8, 0x1F))
    sealed = (
        bytes.fromhex("1A55A36ABB6C610D066B3375649CEF10D4664ECAD854A8"),
        bytes.fromhex("0A895CC1D8FF9469"),
    )
    assert ccm_seal(KEY, nonce, header, clear, 8) == sealed
    assert ccm_open(KEY, nonce, header, *sealed) == clear
    assert ccm_open(KEY, nonce, header, sealed[0], bytes(8)) is None


SOURCE = 0xACDE480000000001


# IEEE 802.15.4-2006 annex C.2.1 to C.2.3
@pytest.mark.parametrize(
    ("level", "header", "payload", "sealed", "mic"),
    [
        (2, "08D0842143010000000048DEAC020500000055CF000051525354", "", "", "223BC1EC841AB553"),
        (4, "69DC842143020000000048DEAC010000000048DEAC0405000000", "61626364", "D43E022B", ""),
        (6, "2BDC842143020000000048DEACFFFF010000000048DEAC060500000001", "CE", "D8", "4FDE529061F9C6F1"),
    ],
)
def test_mac_security(level: int, header: str, payload: str, sealed: str, mic: str) -> None:
    head, clear = bytes.fromhex(header), bytes.fromhex(payload)
    assert seal_mac(KEY, SOURCE, 5, level, head, clear) == (bytes.fromhex(sealed), bytes.fromhex(mic))
    assert open_mac(KEY, SOURCE, 5, level, head, bytes.fromhex(sealed), bytes.fromhex(mic)) == clear


# Smart Energy 07-5356 annex E.3 and published examples (zsmartsystems MmoHashTest, kristian/zbtk)
@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("83FED3407A93 2B70", "CD4FA064773F46941EC986C09963D1A8"),
        ("83FED3407A939738 C552", "A833A77434F3BFBD7A7AB97942149287"),
        ("83FED3407A939723A5C639FF 4C12", "58C1828CF7F1C3FE29E7B1024AD84BFA"),
        ("83FED3407A939723A5C639B26916D505 C3B5", "66B6900981E1EE3CA4206B6B861C02BB"),
        ("1122334455667788 4AF7", "41618FC0C83B0E14A589954B16E31466"),
    ],
)
def test_install_code(code: str, key: str) -> None:
    octets = bytes.fromhex(code)
    assert install_code_crc(octets[:-2]) == octets[-2:]
    assert install_code_key(octets) == bytes.fromhex(key)
    wrong = octets[:-1] + bytes([octets[-1] ^ 1])
    with pytest.raises(Malformed, match="CRC"):
        install_code_key(wrong)


def test_install_code_of_no_known_length() -> None:
    with pytest.raises(Malformed, match="has 10 hex digits"):
        install_code_key(bytes(5))


# 05-3474 clause 4.5.3: the first is published, the others computed and proved by decrypting captures
@pytest.mark.parametrize(
    ("link", "transport", "load", "proof"),
    [
        (
            WELL_KNOWN_LINK_KEY.hex(),
            "4BAB0F173E1434A2D572E1C1EF478782",
            "c5a47035c332ccbf251571d8baded188",
            "1ab128df1639a1246aaba72a6a559124",
        ),
        (
            "66b6900981e1ee3ca4206b6b861c02bb",
            "3c6cca8977eb189efd1614c3e7f75989",
            "1177a0ee2600d0020dba82d7049f53bc",
            "62161e9be4c0972895860ad568fa8fdd",
        ),
    ],
)
def test_derived_keys(link: str, transport: str, load: str, proof: str) -> None:
    key = bytes.fromhex(link)
    assert key_transport_key(key) == bytes.fromhex(transport)
    assert key_load_key(key) == bytes.fromhex(load)
    assert verify_key_hash(key) == bytes.fromhex(proof)


def test_nwk_frame_of_zbtk() -> None:
    """A frame of the zbtk README: little-endian nonce, level bits 0 on the air and 5 in use."""
    header = bytes.fromhex("48220000777f1e2028148a07000db123feffa7db2800")
    control = header.index(0x28)
    header = header[:control] + b"\x2d" + header[control + 1 :]
    nonce = bytes.fromhex("0db123feffa7db28 148a0700 2d")
    cipher = bytes.fromhex("4235bf415d82f5f46c205476a2e6e3d23bfa")
    clear = ccm_open(
        bytes.fromhex("52f0fe8052ebb35907daa243c95a2ff4"), nonce, header, cipher, bytes.fromhex("1d37730e")
    )
    assert clear == bytes.fromhex("40020102040101ef0c2112100a014029a806")
