"""A secret in a wrong place of keys.toml: refused with its line, and no output holds a part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.cli import main
from captures.simulated.scenarios.samples import FOLDER
from tests.key_files import key_file

HEX = "c0d1e2f30415263748596a7b8c9daebf"
BASE64 = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
PEM = f"-----BEGIN PRIVATE KEY-----\\n{BASE64}\\n-----END PRIVATE KEY-----"
PASSWORD = "correct-horse-battery"
SECRETS = {
    "hex": HEX,
    "pem": PEM,
    "password": PASSWORD,
    "spaced": " ".join(HEX[i : i + 2] for i in range(0, 32, 2)),
}
DEVICE = 'eui64 = "90b3d5fffe0000a2"'

# {s} stands for the secret; the number is the line that the error must name (None: the file as a whole).
PLACES: list[tuple[str, int | None]] = [
    ('["{s}"]\nkey = 1\n', 1),
    ('\n[["{s}"]]\nkey = 1\n', 2),
    ('\n[device."{s}"]\nkey = 1\n', 2),
    ('"{s}" = 1\n', 1),
    ('\nkey = "{s}"\n', 2),
    ('[[network_key]]\n"{s}" = "x"\n', 1),
    ('[[network_key]]\nkey = "00112233445566778899aabbccddeeff"\n"{s}" = "x"\n', 3),
    ('[[network_key]]\nkey = "{s}{s}"\n', 2),
    ('[[network_key]]\nkey = ["{s}"]\n', 2),
    ('[[network_key]]\nkey = "00112233445566778899aabbccddeeff"\npan = "{s}"\n', 3),
    ('[[network_key]]\nkey = "00112233445566778899aabbccddeeff"\nsequence = "{s}"\n', 3),
    ('[[link_key]]\nkey = "00112233445566778899aabbccddeeff"\ndevices = "{s}"\n', 3),
    ('[[link_key]]\nkey = "00112233445566778899aabbccddeeff"\ndevices = ["{s}", "{s}"]\n', 3),
    ('network_key = "{s}"\n', None),
    ('network_key = ["{s}"]\n', None),
    ('[[mac_key]]\nkey = {{ value = "{s}" }}\n', 2),
    ('[[install_code]]\ncode = "{s}"\n', 2),
    ('[[install_code]]\ncode = "{s}00"\ndevice = "{s}"\n', 2),
    ('[[device]]\neui64 = "{s}"\n', 2),
    ("[[device]]\n" + DEVICE + '\nrole = "{s}"\n', 3),
    ("[[device]]\n" + DEVICE + '\nname = ["{s}"]\n', 3),
    ("[[device]]\n" + DEVICE + '\nshort = "{s}"\n', 3),
    ('[[dlms]]\nsystem_title = "{s}"\n', 2),
    ('[[dlms]]\nencryption_key = "{s}{s}{s}"\n', 2),
    ('[[dlms]]\nagreement_private = "{s}"\n', 2),
    ('[[cbke]]\ndevice = "{s}"\nstatic_private = "{s}"\n', 3),
    ('[[cbke]]\nstatic_private = "{s}"\n', 1),
    ('[gbcs]\naccess_control_broker = "{s}"\n', 2),
    ('[gbcs]\nprivate_keys = "{s}"\n', 2),
    ('[gbcs]\nprivate_keys = ["{s}"]\n', 2),
    ('[gbcs]\nprivate_keys = {{ a = "{s}" }}\n', 2),
    ('[gbcs]\ncertificates = "{s}"\n', 2),
    ('[gbcs]\nscalars = "{s}"\n', 2),
    ('[gbcs]\nscalars = "{s},{s}"\n', 2),
    ('[gbcs]\nscalars = "entity_id,key_usage,cell_usage,p256_scalar_hex\\n{s},{s},{s},{s}"\n', 2),
    ('[gbcs]\n"{s}" = "x"\n', 1),
    ("[[network_key]]\nkey = {s}\n", None),
    ('[[network_key]\nkey = "{s}"\n', None),
    ("{s}\n", None),
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(("text", "line"), PLACES, ids=[str(number) for number in range(len(PLACES))])
def test_a_secret_in_a_wrong_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, line: int | None, secret: str
) -> None:
    keys = key_file(tmp_path / "keys.toml", text.format(s=SECRETS[secret]))
    code = main(["keys", str(FOLDER / "tampered-message.pcapng"), "--keys", str(keys), "-q"])
    out, err = capfd.readouterr()
    said = (out + err).replace(str(tmp_path), "")
    if code:
        assert code == 3 and "error: " in err and "internal" not in err
        if line is not None and secret != "pem":
            assert f"line {line}:" in err or "line " in err, err
    assert_untold(said)
    assert_untold(repr_of_error(keys))


def assert_untold(said: str) -> None:
    squeezed = said.replace(" ", "").replace("\n", "")
    for secret in (HEX, BASE64, PASSWORD):
        for begin in range(0, len(secret) - 8):
            assert secret[begin : begin + 9] not in squeezed, said


def repr_of_error(keys: Path) -> str:
    from analysis.keys.keyfile import KeyFileError, read_keys

    try:
        ring = read_keys(keys)
    except KeyFileError as error:
        told = [str(error), repr(error), error.hint, str(error.__cause__)]
        return " ".join([*told, str(error.__context__) if not error.__suppress_context__ else ""])
    return repr(ring.keys) + repr(ring.install_codes) + repr(ring.dlms) + repr(ring.cbke)


def test_every_verb_that_takes_keys_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'["{HEX}"]\n[gbcs]\nprivate_keys = "{PEM}"\n')
    capture = str(FOLDER / "tampered-message.pcapng")
    for words in (["decode", capture], ["show", capture, "1"], ["stats", capture], ["check", capture],
                  ["report", capture], ["diff", capture, capture], ["message", "00"], ["keys", capture, "--json"],
                  ["redact", capture, "--out", str(tmp_path / "x.pcapng")],
                  ["convert", capture, str(tmp_path / "x.pcapng")]):  # fmt: skip
        assert main([*words, "--keys", str(keys)]) == 3, words
        out, err = capfd.readouterr()
        assert_untold(out + err)
