"""Arithmetic on the binary curves sect163k1 and sect283k1 (SEC 2, 3.2.1 and 3.6.1), for CBKE.

For analysis and simulation, never to protect live traffic: nothing here runs in constant time. It is
here because `cryptography` dropped these curves in version 47.

A point is a pair of integers whose bits are the polynomials' coefficients; None is the point at infinity. Points that
are added are spread as `binary_fields` has them. A multiple is a sum of points that are found by squaring alone
(`koblitz`): they are added in pairs, the sums in pairs again, with one inversion for all pairs of a round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from dissectors.crypto.binary_fields import BinaryField
from dissectors.crypto.koblitz import digits_of, odd_digits
from dissectors.model.errors import Malformed

__all__ = ["SECT163K1", "SECT283K1", "Curve", "Point"]

Point = tuple[int, int] | None
SPARE = 8
"""How many digits of base tau a scalar may have beyond the degree."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The Koblitz curve y^2 + xy = x^3 + ax^2 + 1 over GF(2^m), m odd.

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
    base: tuple[int, int]
    order: int
    cofactor: int
    elements: BinaryField = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", BinaryField(self.degree, self.tail))

    @property
    def octets(self) -> int:
        """Octets of a field element and of a scalar."""
        return (self.degree + 7) // 8

    def contains(self, point: Point) -> bool:
        """Whether `point` is on the curve."""
        spread = self._spread(point)
        if spread is None:
            return True
        x, y = spread
        square, multiply = self.elements.square, self.elements.multiply
        return square(y) ^ multiply(x, y) == multiply(square(x), x ^ self.a) ^ 1

    def add(self, one: Point, two: Point) -> Point:
        """The sum of two points."""
        return self._packed(*self._sums([(self._spread(one), self._spread(two))]))

    def double(self, point: Point) -> Point:
        """Twice a point."""
        return self.add(point, point)

    def negate(self, point: Point) -> Point:
        """The point that adds up to infinity with `point`."""
        return None if point is None else (point[0], point[0] ^ point[1])

    def times(self, scalar: int, point: Point | None = None) -> Point:
        """`scalar` times `point`; times the base point when none is given.

        >>> SECT163K1.times(SECT163K1.order) is None
        True
        """
        return self.combine([(scalar, self.base if point is None else point)])

    def combine(self, terms: Iterable[tuple[int, Point]]) -> Point:
        """The sum of multiples: of scalar times point for each term. Sooner done than one multiple after the other."""
        mu = 1 if self.a else -1
        multiples: dict[int, list[Point]] = defaultdict(list)
        for scalar, point in terms:
            digits = digits_of(scalar, mu, self.degree)
            if point == self.base and len(digits) <= self.degree + SPARE:
                known = zip(digits, _powers_of_base(self), strict=False)
                met: Iterator[tuple[int, Point]] = iter([(digit, power) for digit, power in known if digit])
            else:
                met = self._powers(point, digits)
            for digit, power in met:
                multiples[abs(digit)].append(power if digit > 0 else self.negate(power))
        parts = []
        for odd, total in zip(multiples, self._totals(multiples.values()), strict=True):
            for sign, power in self._powers(self._packed(total), odd_digits(mu)[odd]):
                parts.append(power if sign > 0 else self.negate(power))
        return self._packed(*self._totals([parts]))

    def _powers(self, point: Point, digits: Sequence[int]) -> Iterator[tuple[int, Point]]:
        """The digits that are not 0, each with the point that it counts: for each digit tau of the point before.

        The first one is packed, those that come are spread.
        """
        if point is None:
            return
        (x, y), spread, squared = point, self.elements.spread, self.elements.squared
        for digit in digits:
            if digit:
                yield digit, (spread(x), spread(y))
            x, y = squared(x), squared(y)

    def _totals(self, groups: Iterable[Sequence[Point]]) -> list[Point]:
        """The sum of the points of each group. Points are spread."""
        left = [list(group) for group in groups]
        while any(len(group) > 1 for group in left):
            sums = iter(self._sums([p for group in left for p in zip(group[::2], group[1::2], strict=False)]))
            left = [[*islice(sums, len(group) // 2), *group[len(group) & ~1 :]] for group in left]
        return [group[0] if group else None for group in left]

    def _sums(self, pairs: list[tuple[Point, Point]]) -> list[Point]:
        """The sum of each pair of points. Points are spread."""
        square, multiply = self.elements.square, self.elements.multiply
        found: list[Point] = []
        for (one, two), inverse in zip(pairs, self.elements.inverses(list(map(_run, pairs))), strict=True):
            if one is None or two is None:
                found.append(one or two)
                continue
            (x1, y1), (x2, y2) = one, two
            if x1 == x2 and (y1 != y2 or x1 == 0):
                found.append(None)
                continue
            slope = multiply(y1 ^ y2, inverse) if x1 != x2 else x1 ^ multiply(y1, inverse)
            x3 = square(slope) ^ slope ^ x1 ^ x2 ^ self.a
            found.append((x3, multiply(slope, x1 ^ x3) ^ x3 ^ y1))
        return found

    def _spread(self, point: Point) -> Point:
        return None if point is None else (self.elements.spread(point[0]), self.elements.spread(point[1]))

    def _packed(self, point: Point) -> Point:
        return None if point is None else (self.elements.packed(point[0]), self.elements.packed(point[1]))

    def compress(self, point: Point) -> bytes:
        """The point in compressed form (SEC 1, 2.3.3). Raises ValueError at infinity."""
        spread = self._spread(point)
        if point is None or spread is None:
            raise ValueError("the point at infinity has no compressed form")
        x, y = spread
        odd = self.elements.multiply(y, self.elements.inverse(x)) & 1 if x else 0
        return bytes((2 | odd,)) + point[0].to_bytes(self.octets, "big")

    def expand(self, octets: bytes) -> tuple[int, int]:
        """The point of a compressed form (SEC 1, 2.3.4). Raises Malformed when there is none."""
        bits = int.from_bytes(octets[1:], "big")
        if len(octets) != self.octets + 1 or octets[0] not in (2, 3) or bits >> self.degree or bits == 0:
            raise Malformed(f"no compressed point of {self.name}", layer="zcl.cbke")
        elements = self.elements
        x = elements.spread(bits)
        z = elements.half(bits ^ self.a ^ elements.squared(elements.packed(elements.inverse(x))))
        if z is None:
            raise Malformed(f"no point of {self.name} has this coordinate", layer="zcl.cbke")
        if z & 1 != octets[0] & 1:
            z ^= 1
        return bits, elements.packed(elements.multiply(x, elements.spread(z)))


@cache
def _powers_of_base(curve: Curve) -> list[Point]:
    """`Curve._powers` of the base point, as many as a scalar has digits."""
    return [power for _, power in curve._powers(curve.base, [1] * (curve.degree + SPARE))]


def _run(pair: tuple[Point, Point]) -> int:
    """What the slope through two points is divided by; 1 where there is none."""
    one, two = pair
    if one is None or two is None:
        return 1
    return one[0] ^ two[0] or one[0] or 1


SECT163K1 = Curve(
    "sect163k1",
    163,
    (7, 6, 3, 0),
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
    (
        0x0503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x01CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
    0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    4,
)
