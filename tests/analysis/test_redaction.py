"""A redacted capture says the same in other words, and nothing of what it must not say."""

import io
from functools import cache
from pathlib import Path

import pytest

from analysis.cli import main
from analysis.cli.verbs.redact import keys_text
from analysis.keys.keyfile import read_keys_text
from analysis.pipeline.decode import Decoded, decode
from analysis.pipeline.source import ReopenableSource
from analysis.redaction import Pseudonyms, Redacted, redact_capture
from analysis.redaction.pseudonyms import Leaks
from captures import write_capture
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text as simulated_keys
from captures.simulated.scenarios.recording import captured
from dissectors.model.keyring import Keyring
from dissectors.zigbee.security.link_keys import WELL_KNOWN_LINK_KEY
from tests.key_files import key_file


@cache
def original() -> tuple[bytes, str]:
    """The first minutes of an installation, with names and comments, and its keys."""
    han = simulate("install-day", seed=4, seconds=330)
    file = io.BytesIO()
    names = {node.eui64: node.name for node in han.nodes}
    write_capture(file, captured(han), names=names, comments=["at 12 Acacia Avenue"])
    return file.getvalue(), simulated_keys(han)


@cache
def redacted(with_keys: bool) -> tuple[bytes, Redacted]:
    capture, keys = original()
    ring = read_keys_text(keys) if with_keys else Keyring()
    with ReopenableSource(io.BytesIO(capture)) as replay:
        found = redact_capture(replay, ring, Pseudonyms(b"salt"))
    file = io.BytesIO()
    write_capture(file, found.frames)
    return file.getvalue(), found


@cache
def tables(which: str) -> Decoded:
    if which == "original":
        capture, keys = original()
        return decode(io.BytesIO(capture), read_keys_text(keys))
    capture, found = redacted(True)
    return decode(io.BytesIO(capture), read_keys_text("\n".join(keys_text(found))))


def test_frames_say_the_same() -> None:
    ours, theirs = tables("original").packets, tables("redacted").packets
    assert len(ours) == len(theirs) > 300
    same = (
        "time", "length", "fcs_ok", "mac_type", "mac_seq", "nwk_type", "nwk_src", "nwk_dst", "nwk_counter",
        "nwk_security", "aps_type", "aps_security", "aps_counter", "zcl_command", "message", "protocol", "rssi",
    )  # fmt: skip
    for column in same:
        assert ours[column].astype(str).tolist() == theirs[column].astype(str).tolist(), column
    carried = ours.message.notna()  # a message's parties have no names any more, and its values are others
    ours, theirs = ours.summary.astype(str), theirs.summary.astype(str)
    assert ours[~carried].tolist() == theirs[~carried].tolist()
    assert ours[carried].str.split(",").str[0].tolist() == theirs[carried].str.split(",").str[0].tolist()


def test_nothing_stays_shut() -> None:
    packets = tables("redacted").packets
    for layer in ("nwk_security", "aps_security"):
        assert set(packets[layer].dropna().astype(str)) == {"none", "ok"}
    assert redacted(True)[1].counts["shut"] == 0


def test_other_addresses_one_for_one() -> None:
    ours, theirs = tables("original").packets, tables("redacted").packets
    pairs = set(zip(ours.nwk_src_eui64.dropna(), theirs.nwk_src_eui64.dropna(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) > 3
    assert not {a for a, _ in pairs} & {b for _, b in pairs}
    assert not set(ours.mac_dst_pan.dropna()) & set(theirs.mac_dst_pan.dropna()) - {0xFFFF}


@pytest.mark.parametrize("with_keys", [True, False])
def test_nothing_leaks(with_keys: bool) -> None:
    """Neither in the file nor behind its encryption: addresses, keys, names, readings."""
    capture, keys = original()
    file, found = redacted(with_keys)
    octets = [file]
    if with_keys:
        from dissectors import dissect_frame
        from dissectors.model.context import HanContext

        context = HanContext(read_keys_text("\n".join(keys_text(found))))
        from captures import open_capture

        for block in open_capture(io.BytesIO(file)):
            for raw in block.frames():
                octets.extend(dissect_frame(raw, context).buffers.values())
    everything = b"|".join(octets)
    ring = read_keys_text(keys)
    secrets = [key.value for key in ring.keys if key.value != WELL_KNOWN_LINK_KEY]
    secrets += [eui64.to_bytes(8, "big") for eui64 in ring.devices]
    assert len(secrets) > 5
    for secret in secrets:
        assert secret not in everything and secret[::-1] not in everything
    for one in ring.devices.values():
        assert one.name.encode() not in everything
    assert b"Acacia" in capture and b"Acacia" not in everything


def test_readings_are_gone() -> None:
    def numbers(decoded: Decoded) -> list[float]:
        rows = decoded.attributes
        readings = rows[rows.attribute_name.isin(["CurrentSummationDelivered", "InstantaneousDemand"])]
        return [float(n) for n in readings.number.dropna()]

    assert any(numbers(tables("original")))
    assert len(numbers(tables("original"))) == len(numbers(tables("redacted")))
    assert not any(numbers(tables("redacted")))


def test_without_keys_headers_are_pseudonyms_and_nothing_opens() -> None:
    capture, keys = original()
    file, found = redacted(False)
    assert found.counts["shut"] > 100
    packets = decode(io.BytesIO(file), read_keys_text(keys), tables=("packets",)).packets
    assert not (packets.nwk_security.astype(str) == "ok").any()
    ours = decode(io.BytesIO(capture), tables=("packets",)).packets
    assert ours.summary.astype(str).tolist() == packets.summary.astype(str).tolist()


def test_salt() -> None:
    one, same, other = Pseudonyms(b"a"), Pseudonyms(b"a"), Pseudonyms()
    assert one.eui64(0x90B3D5FFFE0000A0) == same.eui64(0x90B3D5FFFE0000A0) != other.eui64(0x90B3D5FFFE0000A0)
    assert len({one.pan(pan) for pan in range(0x10000)}) == 0x10000 and one.pan(0xFFFF) == 0xFFFF
    assert one.eui64(0) == 0 and one.eui64(2**64 - 1) == 2**64 - 1


def test_what_leaks_is_stopped_in_both_orders() -> None:
    names, eui64, key = Pseudonyms(b"a"), 0x90B3D5FFFE0000A0, bytes(range(16))
    leaks = Leaks(names, [eui64], [key])
    text = b"a" + eui64.to_bytes(8, "big") + b"b" + eui64.to_bytes(8, "little") + key
    other = names.eui64(eui64)
    expected = b"a" + other.to_bytes(8, "big") + b"b" + other.to_bytes(8, "little") + bytes(16)
    assert leaks.stopped(text) == expected


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, keys = original()
    source, held = tmp_path / "a.pcapng", key_file(tmp_path / "keys.toml", keys)
    source.write_bytes(capture)
    out, keys_out = tmp_path / "b.pcapng", tmp_path / "other.toml"
    assert main(["redact", str(source), "--keys", str(held)]) == 2
    assert main(["redact", str(source), "-o", str(source)]) == 2
    words = ["redact", str(source), "-o", str(out), "--keys", str(held), "--keys-out", str(keys_out)]
    capsys.readouterr()
    assert main([*words, "--salt", "salt"]) == 0
    assert "EUI-64s" in capsys.readouterr().err
    assert keys_out.stat().st_mode & 0o777 == 0o600
    assert out.read_bytes() == redacted(True)[0]
