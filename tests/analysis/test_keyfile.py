"""keys.toml: what is read, what is refused and where, and that no key ever shows."""

import pickle
from datetime import datetime
from pathlib import Path

import pytest

from analysis.keys.keyfile import KeyFileError, loose_mode, read_keys, read_keys_text
from tests.key_files import key_file

KEY = "00112233445566778899aabbccddeeff"

WHOLE = f"""
[[network_key]]
key = "{KEY}"   # of the flat
pan = 0x1a62
sequence = 1
[[link_key]]
key = "{KEY}"
devices = ["00:0d:6f:00:00:00:00:01", "000d6f0000000002"]
[[mac_key]]
key = "{KEY[::-1]}"
[[install_code]]
code = "83FED3407A939723A5C639B26916D505C3B5"
device = "000d6f0000000001"
[[device]]
eui64 = "000d6f0000000001"
name = "Gas meter"
role = "gsme"
[[dlms]]
system_title = "4d4d4d0000bc614e"
encryption_key = "{KEY}"
authentication_key = "{KEY}"
"""


def test_every_section() -> None:
    ring = read_keys_text(WHOLE)
    network, link, mac = ring.keys
    assert (network.kind, network.pan, network.sequence) == ("network", 0x1A62, 1)
    assert network.value == bytes.fromhex(KEY)
    assert network.origin == "keys.toml: network_key 1"
    assert link.devices == (0x000D6F0000000001, 0x000D6F0000000002)
    assert mac.kind == "mac"
    assert ring.install_codes[0].device == 0x000D6F0000000001
    assert ring.devices[0x000D6F0000000001].role == "GSME"
    assert ring.dlms[0].system_title == bytes.fromhex("4d4d4d0000bc614e")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[network_key]]\nkey = 5\n", 2, "hex digits in quotes"),
        ("[[network_key]]\npan = 1\n", 1, "`key` is missing"),
        (
            f'[[network_key]]\nkey = "{KEY}"\n\n[[network_key]]\nkey = "{KEY[:-2]}"\n',
            5,
            "needs 32 hex digits",
        ),
        (f'[[network_key]]\nkey = "{KEY[:-1]}x"\n', 2, "hex digits"),
        (f'[[network_key]]\nkey = "{KEY}"\npan = 0x10000\n', 3, "0xffff"),
        (f'[[link_key]]\nkey = "{KEY}"\ndevices = ["000d6f0000000001"]\n', 3, "two EUI-64s"),
        (f'[[link_key]]\nkey = "{KEY}"\ndevice = "000d6f0000000001"\n', 3, "unknown entry"),
        ('[[device]]\neui64 = "0x12"\n', 2, "EUI-64"),
        ('[[device]]\neui64 = "000d6f0000000001"\nrole = "toaster"\n', 3, "role"),
        (f'[[nwk_key]]\nkey = "{KEY}"\n', 1, "unknown section"),
        (f"[[network_key]]\nkey = {KEY}\n", 2, "TOML"),
        ("network_key = 3\n", None, "must be a table"),
    ],
)
def test_what_is_refused_says_where(text: str, line: int | None, said: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_keys_text(text)
    assert caught.value.line == line
    assert said in str(caught.value)
    shown = f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert KEY[:12] not in shown


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_keys(tmp_path / "none.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyFileError, match="UTF-8"):
        read_keys(path)


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path / "keys.toml", WHOLE)
    monkeypatch.setenv("HANSCOPE_KEYS", str(path))
    assert len(read_keys().keys) == 3
    assert loose_mode(path) is None
    path.chmod(0o644)
    assert "0644" in str(loose_mode(path))
    monkeypatch.delenv("HANSCOPE_KEYS")
    assert read_keys().keys == []


def test_a_keyring_never_shows_a_key() -> None:
    assert KEY not in repr(read_keys_text(WHOLE))


def test_roots_and_lists_of_revoked_certificates_come_from_the_gbcs_section(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    from captures.simulated.remote import smki

    made = smki.Smki(5, 1_767_571_200, bytes(8))
    (tmp_path / "root.der").write_bytes(made.root())
    pem = x509.load_der_x509_certificate(made.root()).public_bytes(serialization.Encoding.PEM).decode()
    builder = x509.CertificateRevocationListBuilder().issuer_name(smki._root_name())
    builder = builder.last_update(datetime(2026, 1, 1)).next_update(datetime(2027, 1, 1))
    crl = builder.sign(smki.private_key(7), hashes.SHA256())
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "issuing.crl").write_bytes(crl.public_bytes(serialization.Encoding.DER))
    text = '[gbcs]\naccess_control_broker = "0000000000000004"\n'
    for roots in ("'root.der'", f"['''{pem}''']"):
        content = f"{text}roots = {roots}\ncrls = ['lists']\n[[device]]\neui64 = '0000000000000009'\nrole = 'GSME'\n"
        store = read_keys_text(content, path=str(tmp_path / "keys.toml")).gbcs
        assert [one.der for one in store.roots] == [made.root()] and len(store.crls) == 1
        assert store.certificates == [] and store.kind(bytes(7) + b"\x09") == ("device", "GSME")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("roots", b"no certificate", "certification authority"), ("crls", b"no list", "list of revoked certificates"),
     ("roots", b"\x30\x03\x02\x01\x00", "X.509")],
)  # fmt: skip
def test_a_root_or_list_that_is_none_names_its_file(tmp_path, name, content, said):
    (tmp_path / "bad.der").write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        read_keys_text(f"[gbcs]\n{name} = 'bad.der'\n", path=str(tmp_path / "keys.toml"))
    assert "bad.der" in str(caught.value) and said in str(caught.value)


CODE = "83FED3407A939723A5C639B26916D505C3B5"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CODE[:-4] + "C3B6", "CRC that is wrong"),
        ("0" + CODE[1:], "CRC that is wrong"),
        (CODE[:-4] + "B5C3", "swapped"),
        (CODE[:-4], "CRC is missing"),
        (CODE[:24], "CRC is missing"),
        (CODE[:16], "CRC that is wrong (or missing)"),
        (CODE[:-2], "34 hex digits, not 16, 20, 28 or 36"),
    ],
)
def test_install_codes_whose_crc_does_not_fit(code: str, said: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_keys_text(f'\n[[install_code]]\ncode = "{code}"\n')
    assert said in caught.value.text and caught.value.line == 3
    assert code not in str(caught.value) + caught.value.hint


def test_whose_a_short_address_is() -> None:
    device = '[[device]]\neui64 = "000d6f0000000001"\n'
    ring = read_keys_text(
        f"{device}name = 'Gas'\nshort = 0x1234\npan = '0x1a62'\n{device}short = 5\npan = 6\n"
    )
    assert ring.addresses == {(0x1A62, 0x1234): 0x000D6F0000000001, (6, 5): 0x000D6F0000000001}
    assert ring.devices[0x000D6F0000000001].name == "Gas"
    for wrong, line in (("short = 5\n", 3), ("pan = 5\n", 3), ("short = 0xfff8\npan = 5\n", 3)):
        with pytest.raises(KeyFileError) as caught:
            read_keys_text(device + wrong)
        assert caught.value.line == line
    other = device.replace("01", "02")
    with pytest.raises(KeyFileError, match="two devices"):
        read_keys_text(f"{device}short = 5\npan = 6\n{other}short = 5\npan = 6\n")


def test_an_error_comes_whole_out_of_a_worker() -> None:
    error = KeyFileError("keys.toml", "no such section", line=7, hint="did you mean [network]?")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.hint, again.line) == (str(error), error.hint, 7)
