"""CBKE on the known answers of the standard, end to end through dissected frames, and simulated from scratch."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.crypto.binary_curves import SECT163K1, SECT283K1, Curve
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed
from dissectors.model.frame import Dissection, Envelope
from dissectors.model.keyring import CbkeScalars
from dissectors.zcl import build_command, dissect
from dissectors.zcl.stateful.cbke import Side, agree, derive, exchange, shared_secret
from dissectors.zcl.stateful.certificates import issue_certificate, make_ca_key, public_key, read_certificate
from tests.dissectors.zcl.support import hold

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "zcl" / "cbke.json").read_text("utf-8"))[
    "suites"
]
SUITES = pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"suite{v['suite']}")


def number(text: str) -> int:
    return int(text, 16)


def side(vector: dict[str, Any], role: str, *, secret: bool = True) -> Side:
    one = vector[role]
    certificate = read_certificate(bytes.fromhex(one["certificate"]))
    scalars = (number(one["static_private"]), number(one["ephemeral_private"])) if secret else (None, None)
    return Side(certificate, bytes.fromhex(one["ephemeral_public"]), *scalars)


@pytest.mark.parametrize("curve", [SECT163K1, SECT283K1], ids=lambda c: c.name)
def test_curve(curve: Curve) -> None:
    assert curve.contains(curve.base)
    assert curve.times(curve.order) is None
    two = curve.double(curve.base)
    assert curve.contains(two) and curve.add(two, curve.base) == curve.times(3)
    assert curve.add(two, curve.negate(two)) is None
    assert curve.expand(curve.compress(two)) == two
    for octets in (b"", b"\x02", bytes(curve.octets + 1), b"\x02" + b"\xff" * curve.octets):
        with pytest.raises(Malformed):
            curve.expand(octets)


@SUITES
@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_keys_of_a_side(vector: dict[str, Any], role: str) -> None:
    one = vector[role]
    certificate = read_certificate(bytes.fromhex(one["certificate"]))
    curve = certificate.curve
    assert certificate.subject == number(one["device"])
    static = public_key(certificate, curve.expand(bytes.fromhex(vector["ca"])))
    assert curve.compress(static) == bytes.fromhex(one["static_public"])
    assert curve.times(number(one["static_private"])) == static
    ephemeral = curve.times(number(one["ephemeral_private"]))
    assert curve.compress(ephemeral) == bytes.fromhex(one["ephemeral_public"])


@SUITES
def test_secret_keys_and_codes(vector: dict[str, Any]) -> None:
    initiator, responder = side(vector, "initiator"), side(vector, "responder")
    ca = initiator.certificate.curve.expand(bytes.fromhex(vector["ca"]))
    for own, peer in ((initiator, responder), (responder, initiator)):
        assert shared_secret(own, peer, ca) == bytes.fromhex(vector["z"])
        assert shared_secret(own, peer) == bytes.fromhex(vector["z"])
    mac_key, link_key = derive(bytes.fromhex(vector["z"]))
    assert (mac_key.hex(), link_key.hex()) == (vector["mac_key"].lower(), vector["link_key"])
    for known in ("initiator", "responder"):
        found = agree(
            side(vector, "initiator", secret=known == "initiator"),
            side(vector, "responder", secret=known == "responder"),
        )
        assert found.link_key.hex() == vector["link_key"]
        assert found.mac_initiator.hex() == vector["macu"].lower()
        assert found.mac_responder.hex() == vector["macv"].lower()


def frames(vector: dict[str, Any], macv: str | None = None) -> list[tuple[bool, bytes]]:
    """The eight frames of an exchange but the terminations: (from the server, octets)."""
    u, v = vector["initiator"], vector["responder"]
    times = {"ephemeral_data_generate_time": 5, "confirm_key_generate_time": 5}
    suite = vector["suite"]
    ask = {"key_establishment_suite": suite, **times, "identity": bytes.fromhex(u["certificate"])}
    answer = {
        "requested_key_establishment_suite": suite,
        **times,
        "identity": bytes.fromhex(v["certificate"]),
    }
    out = []
    for command, down, up in (
        (0, ask, answer),
        (1, *({"ephemeral_data": bytes.fromhex(x["ephemeral_public"])} for x in (u, v))),
        (
            2,
            *(
                {"secure_message_authentication_code": bytes.fromhex(x)}
                for x in (vector["macu"], macv or vector["macv"])
            ),
        ),
    ):
        out.append((False, build_command(0x0800, "to-server", command, down, sequence=command)))
        out.append((True, build_command(0x0800, "to-client", command, up, sequence=command)))
    return out


def dissected(vector: dict[str, Any], context: HanContext, **more: str) -> list[Dissection]:
    u, v = number(vector["initiator"]["device"]), number(vector["responder"]["device"])
    outs = []
    for frame, (up, octets) in enumerate(frames(vector, **more), start=81):
        source, destination = (v, u) if up else (u, v)
        envelope = Envelope(
            frame=frame, source=source, destination=destination, profile=0x0109, cluster=0x0800
        )
        out = Dissection()
        dissect(Cursor(octets), "frame", envelope, context, out)
        hold(out.fields[0], len(octets))
        outs.append(out)
    return outs


@SUITES
@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_a_capture_with_one_private_scalar_gives_the_link_key(vector: dict[str, Any], role: str) -> None:
    context = HanContext()
    one = vector[role]
    context.keyring.cbke.append(CbkeScalars(number(one["device"]), 7, 7))
    context.keyring.cbke.append(
        CbkeScalars(number(one["device"]), number(one["static_private"]), number(one["ephemeral_private"]))
    )
    outs = dissected(vector, context)
    (key,) = context.keyring.keys
    assert (key.kind, key.value.hex(), key.origin) == ("link", vector["link_key"], "CBKE in frame 84")
    assert key.devices == (number(vector["initiator"]["device"]), number(vector["responder"]["device"]))
    assert outs[3].learnt == [key]
    codes = [out.fields[0].find("secure_message_authentication_code") for out in outs[4:]]
    assert [c.meaning for c in codes if c] == [
        "MACU, by the initiator: matches",
        "MACV, by the responder: matches",
    ]
    secret = f"{number(one['static_private']):x}"
    assert secret not in repr(context.keyring) and str(number(one["static_private"])) not in repr(
        context.keyring
    )
    assert vector["link_key"] not in repr(context)


@SUITES
def test_without_scalars_everything_is_named(vector: dict[str, Any]) -> None:
    context = HanContext()
    outs = dissected(vector, context)
    assert not context.keyring.keys
    assert not [issue for out in outs for issue in out.issues]
    identity = outs[0].fields[0].find("identity")
    assert identity is not None and identity.find("subject").meaning == vector["initiator"]["device"].lower()  # type: ignore[union-attr]


@SUITES
def test_a_wrong_code_is_told(vector: dict[str, Any]) -> None:
    context = HanContext()
    one = vector["initiator"]
    scalars = CbkeScalars(
        number(one["device"]), number(one["static_private"]), number(one["ephemeral_private"])
    )
    context.keyring.cbke.append(scalars)
    outs = dissected(vector, context, macv="00" * 16)
    assert [issue.text for issue in outs[5].issues] == [
        "the key confirmation code does not match the computed key"
    ]


@pytest.mark.parametrize("suite", [1, 2])
@settings(max_examples=3, deadline=None)
@given(scalars=st.lists(st.integers(1, 1 << 280), min_size=7, max_size=7))
def test_a_simulated_exchange(suite: int, scalars: list[int]) -> None:
    ca_private, ca_public = make_ca_key(suite, scalars[0])
    sides = []
    for place, device in enumerate((0x00DB1234567890A0, 0x00DB1234567890A2)):
        certificate, private = issue_certificate(
            suite,
            ca_private,
            device,
            0x90B3D51F30000001,
            request=scalars[1 + place],
            contribution=scalars[3 + place],
        )
        curve = certificate.curve
        assert public_key(certificate, curve.expand(ca_public)) == curve.times(private)
        sides.append(exchange(certificate, private, scalars[5 + place]))
    public = [Side(one.certificate, one.ephemeral) for one in sides]
    first, second = agree(sides[0], public[1]), agree(public[0], sides[1])
    assert first == second and len(first.link_key) == 16


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.binary(max_size=80)), max_size=6))
def test_any_payloads_are_read(payloads: list[tuple[bool, int, bytes]]) -> None:
    context = HanContext()
    context.keyring.cbke.append(CbkeScalars(2, 5, 6))
    for up, command, payload in payloads:
        octets = bytes((9 if up else 1, 0, command)) + payload
        out = Dissection()
        dissect(
            Cursor(octets), "frame", Envelope(source=1 + up, destination=2 - up, cluster=0x0800), context, out
        )
        hold(out.fields[0], len(octets))
