"""Arithmetic on the binary curves sect163k1 and sect283k1 (SEC 2, 3.2.1 and 3.6.1), for CBKE.

For analysis and simulation, never to protect live traffic: nothing here runs in constant time. It is
here because `cryptography` dropped these curves in version 47.

Strategy: a field element is an int whose bits are the polynomial's coefficients; points are affine pairs;
None is the point at infinity. Multiples are computed in the projective coordinates of Lopez and Dahab
(x = X/Z, y = Y/Z^2), which need one inversion at the end instead of one a step, over signed digits, of which
one in five is not zero (Guide to Elliptic Curve Cryptography, 3.2.3 and algorithm 3.36).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.model.errors import Malformed

__all__ = ["SECT163K1", "SECT283K1", "Curve", "Point"]

Point = tuple[int, int] | None
Projective = tuple[int, int, int]
INFINITY: Projective = (1, 0, 0)
WINDOW = 4
"""Bits of a signed digit: odd, and less than 8 from zero."""


def _signed_digits(scalar: int) -> list[int]:
    """`scalar` in signed digits, least significant first; of `WINDOW` in a row at most one is not zero."""
    digits = []
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & (1 << WINDOW) - 1
            digit -= (digit >> WINDOW - 1) << WINDOW
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


@dataclass(frozen=True, slots=True)
class Curve:
    """y^2 + xy = x^3 + ax^2 + b over GF(2^m).

    Attributes:
        degree: m.
        tail: exponents of the reduction polynomial below m.
        order: prime order n of the base point.
        cofactor: h.
    """

    name: str
    degree: int
    tail: tuple[int, ...]
    a: int
    b: int
    base: tuple[int, int]
    order: int
    cofactor: int

    @property
    def modulus(self) -> int:
        """The reduction polynomial."""
        return 1 << self.degree | sum(1 << exponent for exponent in self.tail)

    @property
    def octets(self) -> int:
        """Octets of a field element and of a scalar."""
        return (self.degree + 7) // 8

    def multiply(self, left: int, right: int) -> int:
        """Product of two field elements: an octet of `right` a step, from tables of multiples of `left`."""
        low = [0, left]
        for multiple in range(1, 8):
            double = low[multiple] << 1
            low += (double, double ^ left)
        high = [multiple << 4 for multiple in low]
        product = 0
        for octet in right.to_bytes(self.octets, "big"):
            product = product << 8 ^ high[octet >> 4] ^ low[octet & 15]
        return self.reduce(product)

    def reduce(self, value: int) -> int:
        """`value` modulo the reduction polynomial."""
        degree = self.degree
        mask = (1 << degree) - 1
        while high := value >> degree:
            value &= mask
            for shift in self.tail:
                value ^= high << shift
        return value

    def square(self, value: int) -> int:
        """The square of a field element: its bits spread apart, as if its digits were of base four."""
        return self.reduce(int(f"{value:b}", 4))

    def invert(self, value: int) -> int:
        """The inverse of a field element other than 0, by the extended Euclidean algorithm."""
        u, v, g, h = value, self.modulus, 1, 0
        while u != 1:
            shift = u.bit_length() - v.bit_length()
            if shift < 0:
                u, v, g, h, shift = v, u, h, g, -shift
            u ^= v << shift
            g ^= h << shift
        return self.reduce(g)

    def contains(self, point: Point) -> bool:
        """Whether `point` is on the curve."""
        if point is None:
            return True
        x, y = point
        square = self.square(x)
        left = self.square(y) ^ self.multiply(x, y)
        return left == self.multiply(square, x) ^ self.multiply(self.a, square) ^ self.b

    def add(self, one: Point, two: Point) -> Point:
        """The sum of two points."""
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2:
            return self.double(one) if y1 == y2 else None
        slope = self.multiply(y1 ^ y2, self.invert(x1 ^ x2))
        x3 = self.square(slope) ^ slope ^ x1 ^ x2 ^ self.a
        return x3, self.multiply(slope, x1 ^ x3) ^ x3 ^ y1

    def double(self, point: Point) -> Point:
        """Twice a point."""
        if point is None or point[0] == 0:
            return None
        x, y = point
        slope = x ^ self.multiply(y, self.invert(x))
        x3 = self.square(slope) ^ slope ^ self.a
        return x3, self.square(x) ^ self.multiply(slope ^ 1, x3)

    def negate(self, point: Point) -> Point:
        """The point that adds up to infinity with `point`."""
        return None if point is None else (point[0], point[0] ^ point[1])

    def times(self, scalar: int, point: Point | None = None) -> Point:
        """`scalar` times `point`; times the base point when none is given.

        >>> SECT163K1.times(SECT163K1.order) is None
        True
        """
        factor: Point = self.base if point is None else point
        if factor is None:
            return None
        odd: list[Point] = [factor]
        twice = self.double(factor)
        for _ in range(3):
            odd.append(self.add(odd[-1], twice))
        total = INFINITY
        for digit in reversed(_signed_digits(scalar)):
            total = self._doubled(total)
            if digit:
                one = odd[abs(digit) >> 1]
                total = self._increased(total, one if digit > 0 else self.negate(one))
        return self._affine(total)

    def _doubled(self, one: Projective) -> Projective:
        """Twice a point."""
        x, y, z = one
        if z == 0 or x == 0:
            return INFINITY
        x2, z2 = self.square(x), self.square(z)
        bz4 = self.square(z2) if self.b == 1 else self.multiply(self.b, self.square(z2))
        z3 = self.multiply(x2, z2)
        x3 = self.square(x2) ^ bz4
        slope = self.square(y) ^ bz4 ^ (z3 if self.a else 0)
        return x3, self.multiply(bz4, z3) ^ self.multiply(x3, slope), z3

    def _increased(self, one: Projective, two: Point) -> Projective:
        """The sum of a point and an affine one."""
        x1, y1, z1 = one
        if two is None:
            return one
        x2, y2 = two
        if z1 == 0:
            return x2, y2, 1
        z1_square = self.square(z1)
        rise = self.multiply(y2, z1_square) ^ y1
        run = self.multiply(x2, z1) ^ x1
        if run == 0:
            return self._doubled(one) if rise == 0 else INFINITY
        base = self.multiply(z1, run)
        z3 = self.square(base)
        product = self.multiply(rise, base)
        spread = self.multiply(self.square(run), base ^ (z1_square if self.a else 0))
        x3 = self.square(rise) ^ spread ^ product
        left = self.multiply(product ^ z3, x3 ^ self.multiply(x2, z3))
        return x3, left ^ self.multiply(x2 ^ y2, self.square(z3)), z3

    def _affine(self, one: Projective) -> Point:
        x, y, z = one
        if z == 0:
            return None
        inverse = self.invert(z)
        return self.multiply(x, inverse), self.multiply(y, self.square(inverse))

    def compress(self, point: Point) -> bytes:
        """The point in compressed form (SEC 1, 2.3.3). Raises ValueError at infinity."""
        if point is None:
            raise ValueError("the point at infinity has no compressed form")
        x, y = point
        odd = self.multiply(y, self.invert(x)) & 1 if x else 0
        return bytes((2 | odd,)) + x.to_bytes(self.octets, "big")

    def expand(self, octets: bytes) -> tuple[int, int]:
        """The point of a compressed form (SEC 1, 2.3.4). Raises Malformed when there is none."""
        x = int.from_bytes(octets[1:], "big")
        if len(octets) != self.octets + 1 or octets[0] not in (2, 3) or x >> self.degree or x == 0:
            raise Malformed(f"no compressed point of {self.name}", layer="zcl.cbke")
        beta = x ^ self.a ^ self.multiply(self.b, self.square(self.invert(x)))
        z = self._half_trace(beta)
        if self.square(z) ^ z != beta:
            raise Malformed(f"no point of {self.name} has this coordinate", layer="zcl.cbke")
        if z & 1 != octets[0] & 1:
            z ^= 1
        return x, self.multiply(x, z)

    def _half_trace(self, value: int) -> int:
        """A solution of z^2 + z = value, if there is one; m is odd for both curves."""
        total = value
        for _ in range((self.degree - 1) // 2):
            total = self.square(self.square(total)) ^ value
        return total


SECT163K1 = Curve(
    "sect163k1",
    163,
    (7, 6, 3, 0),
    1,
    1,
    (
        0x02FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8,
        0x0289070FB05D38FF58321F2E800536D538CCDAA3D9,
    ),
    0x04000000000000000000020108A2E0CC0D99F8A5EF,
    2,
)

SECT283K1 = Curve(
    "sect283k1",
    283,
    (12, 7, 5, 0),
    0,
    1,
    (
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
    0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    4,
)
