"""Arithmetic of the fields GF(2^m) of binary curves, on integers that have one octet for each bit of an element.

An element is a polynomial over GF(2). With each coefficient in an octet of its own, the product of two integers counts
in each octet how many terms meet there, and the lowest bit of the count is the coefficient of the product: one
multiplication of long integers, which Python does fast, instead of a loop. An octet counts to 255, so larger fields
multiply halves. Sums are exclusive or; 0 and 1 are themselves. What is only squared, again and again, stays packed: one
bit for each coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

__all__ = ["BinaryField"]


@dataclass(frozen=True, slots=True)
class BinaryField:
    """GF(2^degree) modulo x^degree + the terms of `tail` (four exponents, the last one 0).

    Elements are spread, where they are not called bits.
    """

    degree: int
    tail: tuple[int, ...]
    _ones: int = field(init=False, repr=False)
    _fold: int = field(init=False, repr=False)
    _cut: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ones", int.from_bytes(b"\1" * (2 * self.degree), "big"))
        object.__setattr__(self, "_fold", sum(1 << 8 * exponent for exponent in self.tail))
        object.__setattr__(self, "_cut", 8 * (self.degree + 1 >> 1) if self.degree > 255 else 0)

    def spread(self, bits: int) -> int:
        """The element whose coefficients are the bits of `bits`."""
        return int.from_bytes(f"{bits:b}".encode(), "big") & self._ones

    def packed(self, element: int) -> int:
        """The coefficients of an element as bits."""
        return int(element.to_bytes(self.degree, "big").translate(_DIGITS), 2)

    def multiply(self, left: int, right: int) -> int:
        """The product of two elements; in larger fields three products of halves (Karatsuba)."""
        cut, ones = self._cut, self._ones
        if not cut:
            return self._reduced(left * right & ones)
        left_high, right_high = left >> cut, right >> cut
        left_low, right_low = left ^ left_high << cut, right ^ right_high << cut
        high, low = left_high * right_high & ones, left_low * right_low & ones
        middle = (left_low ^ left_high) * (right_low ^ right_high) & ones ^ high ^ low
        return self._reduced(high << 2 * cut ^ middle << cut ^ low)

    def square(self, element: int) -> int:
        """The square of an element: its octets, with a 0 between any two."""
        octets = bytearray(2 * self.degree)
        octets[1::2] = element.to_bytes(self.degree, "big")
        return self._reduced(int.from_bytes(octets, "big"))

    def squared(self, bits: int) -> int:
        """The square of an element in bits: a 0 between any two of them."""
        octets = bits.to_bytes(self.degree + 7 >> 3, "little")
        wide = bytearray(2 * len(octets))
        wide[::2], wide[1::2] = octets.translate(_LOW), octets.translate(_HIGH)
        product, degree = int.from_bytes(wide, "little"), self.degree
        one, two, three, _ = self.tail
        while high := product >> degree:
            product ^= high << degree ^ high << one ^ high << two ^ high << three ^ high
        return product

    def half(self, bits: int) -> int | None:
        """A z with z^2 + z = the element, both in bits; None where there is none. The other one is z + 1."""
        found, solved = 0, _halves(self)
        while bits:
            known = solved.get(bits.bit_length())
            if known is None:
                return None
            bits ^= known[0]
            found ^= known[1]
        return found

    def _reduced(self, product: int) -> int:
        """`product` modulo the polynomial, whose few terms one more multiplication folds in."""
        bits, fold, ones = 8 * self.degree, self._fold, self._ones
        while high := product >> bits:
            product ^= high << bits ^ high * fold & ones
        return product

    def inverse(self, element: int) -> int:
        """The inverse of an element other than 0, by the extended Euclidean algorithm."""
        u, v, g, h = self.packed(element), 1 << self.degree | sum(1 << e for e in self.tail), 1, 0
        while u != 1:
            shift = u.bit_length() - v.bit_length()
            if shift < 0:
                u, v, g, h, shift = v, u, h, g, -shift
            u ^= v << shift
            g ^= h << shift
        return self._reduced(self.spread(g))

    def inverses(self, elements: list[int]) -> list[int]:
        """The inverses of elements other than 0, with one inversion: Montgomery's trick."""
        products = [1]
        for element in elements:
            products.append(self.multiply(products[-1], element))
        rest = self.inverse(products[-1])
        found = []
        for element, before in zip(reversed(elements), reversed(products[:-1]), strict=True):
            found.append(self.multiply(rest, before))
            rest = self.multiply(rest, element)
        return found[::-1]


_DIGITS = bytes((0x30, 0x31)) + bytes(254)
"""Octets 0 and 1 as the digits of a number."""
_LOW = bytes(int(f"{value & 15:b}", 4) for value in range(256))
_HIGH = bytes(int(f"{value >> 4:b}", 4) for value in range(256))
"""The squares of the lower and of the upper half of an octet of bits."""


@cache
def _halves(of: BinaryField) -> dict[int, tuple[int, int]]:
    """z^2 + z and z, by the length of the first: z^2 + z is linear in z, so that what is to be halved is taken apart from
    its highest bit down (Gauss)."""
    solved: dict[int, tuple[int, int]] = {}
    for exponent in range(1, of.degree):
        z = 1 << exponent
        image = of.squared(z) ^ z
        while image and image.bit_length() in solved:
            known = solved[image.bit_length()]
            image, z = image ^ known[0], z ^ known[1]
        if image:
            solved[image.bit_length()] = image, z
    return solved
