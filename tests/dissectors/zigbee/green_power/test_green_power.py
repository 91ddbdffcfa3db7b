"""Green Power commands and keys; MAC frames under keys that are derived from a Thread network key."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from analysis.keys.keyfile import read_keys_text
from dissectors import dissect_frame
from dissectors.crypto.ccm import ccm_seal
from dissectors.crypto.mmo import hmac_mmo
from dissectors.ieee802154.security import seal_mac, thread_keys
from dissectors.model.context import HanContext
from dissectors.model.frame import Dissection, RawFrame

KEY, NETWORK_KEY = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
SOURCE, DEVICE = 0x87654321, 0x0011223344556677
MAC = bytes.fromhex("0108 05 ffff ffff")


def secured(level: int, counter: int, key: bytes, payload: bytes = bytes.fromhex("22")) -> bytes:
    """A frame of a device with a SrcID."""
    source = SOURCE.to_bytes(4, "little")
    header = bytes((0x8C, level << 3)) + source + counter.to_bytes(4, "little")
    nonce = source + source + counter.to_bytes(4, "little") + b"\x05"
    if level == 2:
        return MAC + header + payload + ccm_seal(key, nonce, header + payload, b"", 4)[1]
    return MAC + header + b"".join(ccm_seal(key, nonce, header, payload, 4))


def read(octets: bytes, keys: str, number: int = 0, context: HanContext | None = None) -> Dissection:
    return dissect_frame(RawFrame(octets, number=number), context or HanContext(read_keys_text(keys)))


GIVEN = f'[[green_power_key]]\nkey = "{KEY.hex()}"\n'
OWN = GIVEN + f"src_id = {SOURCE:#x}\n"
OF_ANOTHER = GIVEN + "src_id = 1\n"
OF_NETWORK = f'[[network_key]]\nkey = "{KEY.hex()}"\n'


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (GIVEN, KEY),
        (OWN, KEY),
        (GIVEN, hmac_mmo(KEY, SOURCE.to_bytes(4, "little"))),
        (OF_NETWORK, KEY),
        (OF_NETWORK, hmac_mmo(KEY, b"ZGP")),
    ],
)
def test_keys_open_green_power_frames(level: int, keys: str, key: bytes) -> None:
    out = read(secured(level, 7, key), keys)
    assert (out.columns["nwk_security"], out.columns["summary"]) == ("ok", "Green Power Toggle")
    assert out.commands[0]["command_name"] == "Toggle" and not out.issues


def to_device(level: int, control: int, payload: bytes = bytes.fromhex("f0 0005")) -> bytes:
    """A frame to a device that is named by its EUI-64, sealed by another implementation of CCM."""
    mac = bytes.fromhex("010c 05 ffff") + DEVICE.to_bytes(8, "little")
    header = bytes((0x8C, 0x80 | level << 3 | 2, 1)) + (9).to_bytes(4, "little")
    nonce = DEVICE.to_bytes(8, "little") + (9).to_bytes(4, "little") + bytes((control,))
    if level == 3:
        return mac + header + AESCCM(KEY, tag_length=4).encrypt(nonce, payload, header)
    return mac + header + payload + AESCCM(KEY, tag_length=4).encrypt(nonce, b"", header + payload)


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(("control", "state"), [(0xC5, "ok"), (0xA3, "ok"), (0x05, "no_key")])
def test_the_nonce_of_what_is_sent_to_a_device_by_its_eui64(level: int, control: int, state: str) -> None:
    """Green Power A.1.5.4.2: security control C5 (level 101, upper bits 11); A3 are its bits the other way round."""
    out = read(to_device(level, control), GIVEN)
    assert out.columns["nwk_security"] == state


def test_a_missing_key_is_said_and_what_is_in_clear_is_read() -> None:
    for keys in ("", OF_ANOTHER):
        shut, open_ = read(secured(3, 7, KEY), keys), read(secured(2, 7, KEY), keys)
        assert shut.columns["nwk_security"] == open_.columns["nwk_security"] == "no_key"
        assert "SrcID 0x87654321" in (shut.shut_reason or "")
        assert shut.columns["summary"] == "Green Power data"
        assert open_.columns["summary"] == "Green Power Toggle"


def test_a_command_without_security_has_its_name_and_octets() -> None:
    out = read(MAC + bytes.fromhex("8c00 21436587 30 7f"), "")
    assert out.columns["summary"] == "Green Power MoveUp"
    assert any(leaf.value == b"\x7f" for branch in out.fields for leaf in branch.leaves())
    unknown = read(MAC + bytes.fromhex("8c00 21436587 d5"), "")
    assert unknown.columns["summary"] == "Unknown Green Power command"


def test_a_counter_that_was_used_is_a_replay() -> None:
    context = HanContext(read_keys_text(GIVEN))
    verdicts = [
        read(secured(3, counter, KEY, bytes((0x20 + number,))), "", number, context).columns["nwk_security"]
        for number, counter in ((1, 5), (2, 6), (3, 5))
    ]
    assert verdicts == ["ok", "ok", "replay"]


def thread_frame(index: int, key: bytes) -> bytes:
    """A data frame of version 1, level 5, key identifier mode 1."""
    header = bytes.fromhex("69d8 07 cefa 0000") + DEVICE.to_bytes(8, "little")
    header += b"\x0d" + (9).to_bytes(4, "little") + bytes((index,))
    return header + b"".join(seal_mac(key, DEVICE, 9, 5, header, bytes.fromhex("7f3b02f012341234aa")))


@pytest.mark.parametrize(
    ("given", "used"),
    [("", 0), ("", 5), ("sequence = 300", 300), ("sequence = 383", 385), ("sequence = 129", 127)],
)
def test_a_thread_network_key_opens_mac_frames(given: str, used: int) -> None:
    keys = f'[[thread_key]]\nkey = "{NETWORK_KEY.hex()}"\n{given}\n'
    octets = thread_frame(used % 128 + 1, thread_keys(NETWORK_KEY, used)[1])
    out = read(octets, keys)
    assert out.columns["mac_security"] == "ok" and out.columns["protocol"] == "6LoWPAN"
    assert out.buffers["decrypted-0"] == bytes.fromhex("7f3b02f012341234aa")
    assert read(octets, "").columns["mac_security"] == "no_key"
