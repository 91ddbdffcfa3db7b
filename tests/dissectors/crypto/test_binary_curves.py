"""Binary curves against OpenSSL's own, against the group law written plainly, and at the ends of what scalars may be."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from dissectors.crypto.binary_curves import SECT163K1, SECT283K1, Curve, Point
from dissectors.model.errors import Malformed

CURVES = pytest.mark.parametrize("curve", [SECT163K1, SECT283K1], ids=lambda c: c.name)
RANDOM = random.Random(20)


def by_shifts(curve: Curve, left: int, right: int) -> int:
    """The product of two field elements, bit by bit."""
    product, modulus = 0, 1 << curve.degree | sum(1 << exponent for exponent in curve.tail)
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left >> curve.degree:
            left ^= modulus
        right >>= 1
    return product


def point_of(curve: Curve) -> Point:
    """Some point of the curve, of whatever order."""
    while True:
        try:
            return curve.expand(b"\2" + RANDOM.getrandbits(curve.degree).to_bytes(curve.octets, "big"))
        except Malformed:
            continue


def one_by_one(curve: Curve, scalar: int, point: Point) -> Point:
    """A multiple by doubling and adding."""
    total: Point = None
    for bit in f"{scalar:b}":
        total = curve.double(total)
        total = curve.add(total, point) if bit == "1" else total
    return total


@CURVES
def test_elements(curve: Curve) -> None:
    elements = curve.elements
    for _ in range(40):
        one, two = (RANDOM.getrandbits(RANDOM.choice((1, 7, curve.degree))) or 1 for _ in range(2))
        left, right = elements.spread(one), elements.spread(two)
        assert elements.packed(left) == one
        assert elements.packed(elements.multiply(left, right)) == by_shifts(curve, one, two)
        assert elements.packed(elements.square(left)) == by_shifts(curve, one, one)
        assert by_shifts(curve, one, elements.packed(elements.inverse(left))) == 1
        assert elements.inverses([left, right, 1]) == [elements.inverse(left), elements.inverse(right), 1]
    full = (1 << curve.degree) - 1
    spread = elements.spread(full)
    assert elements.packed(elements.multiply(spread, spread)) == by_shifts(curve, full, full)


@CURVES
def test_multiples(curve: Curve) -> None:
    points = [curve.base, *(point_of(curve) for _ in range(3))]
    for point in points:
        assert curve.contains(point)
        scalars = [*range(20), RANDOM.getrandbits(curve.degree), curve.order, curve.order - 1]
        for scalar in scalars:
            assert curve.times(scalar, point) == one_by_one(curve, scalar, point), scalar
        assert curve.times(-7, point) == curve.negate(curve.times(7, point))
        assert curve.times(curve.order * curve.cofactor, point) is None
    scalars = [RANDOM.getrandbits(2 * curve.degree) for _ in points]
    total: Point = None
    for scalar, point in zip(scalars, points, strict=True):
        total = curve.add(total, one_by_one(curve, scalar, point))
    assert curve.combine(zip(scalars, points, strict=True)) == total
    assert curve.combine([]) is None and curve.combine([(5, None), (0, curve.base)]) is None


def of_openssl(folder: Path, curve: Curve, name: str) -> tuple[int, bytes]:
    """A key pair that OpenSSL made: the scalar, and the public point uncompressed."""
    private, public = folder / f"{name}.der", folder / f"{name}_public.der"
    run("ecparam", "-name", curve.name, "-genkey", "-noout", "-outform", "DER", "-out", str(private))
    run("pkey", "-in", str(private), "-inform", "DER", "-pubout", "-outform", "DER", "-out", str(public))
    _, _, rest = private.read_bytes().partition(
        bytes.fromhex("02010104")
    )  # version 1, then the scalar (RFC 5915)
    return int.from_bytes(rest[1 : 1 + rest[0]], "big"), public.read_bytes()[-2 * curve.octets - 1 :]


def run(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not there")
@CURVES
def test_openssl_agrees(curve: Curve, tmp_path: Path) -> None:
    for _ in range(4):
        own, own_point = of_openssl(tmp_path, curve, "own")
        peer, peer_point = of_openssl(tmp_path, curve, "peer")
        size = curve.octets
        for scalar, octets in ((own, own_point), (peer, peer_point)):
            x, y = (int.from_bytes(octets[1 + i * size : 1 + (i + 1) * size], "big") for i in (0, 1))
            assert curve.times(scalar) == (x, y)
            assert curve.expand(curve.compress((x, y))) == (x, y)
        words = ("-derive", "-inkey", "own.der", "-peerkey", "peer_public.der", "-out", "secret")
        run("pkeyutl", "-keyform", "DER", "-peerform", "DER", *(at(tmp_path, word) for word in words))
        secret = curve.times(own, curve.times(peer))
        assert secret and secret[0].to_bytes(size, "big") == (tmp_path / "secret").read_bytes()


def at(folder: Path, word: str) -> str:
    return word if word.startswith("-") else str(folder / word)
