"""Scalars of Koblitz curves (sect163k1, sect283k1) in digits of base tau, which stands for squaring both coordinates.

For a point P of y^2 + xy = x^3 + ax^2 + 1 over GF(2^m), tau(x, y) = (x^2, y^2) is a point too, and
tau(tau(P)) + 2 P = mu tau(P) with mu = 1 where a = 1, else -1. So integers are numbers u + v tau, and a multiple of P
is a sum of points that cost two squarings each where doubling costs an inversion (J. Solinas, "Efficient arithmetic
on Koblitz curves", Designs, Codes and Cryptography 19, 2000). tau^m changes no point, so scalars are taken modulo
tau^m - 1: that holds for each point of the curve, also outside the prime subgroup.
"""

from __future__ import annotations

from functools import cache

__all__ = ["WIDTH", "digits_of", "odd_digits"]

Number = tuple[int, int]
"""u + v tau."""
WIDTH = 5
"""Of so many digits in a row at most one is not 0; they are odd and less than 2^(WIDTH - 1) from 0."""


def _power(mu: int, exponent: int) -> Number:
    """tau^exponent, from tau^2 = mu tau - 2."""
    u, v = 1, 0
    for _ in range(exponent):
        u, v = -2 * v, u + mu * v
    return u, v


def _remainder(mu: int, scalar: int, divisor: Number) -> Number:
    """`scalar` modulo `divisor`, the quotient rounded in both parts."""
    s, t = divisor
    norm = s * s + mu * s * t + 2 * t * t
    p = (2 * scalar * (s + mu * t) + norm) // (2 * norm)
    q = (-2 * scalar * t + norm) // (2 * norm)
    return scalar - p * s + 2 * q * t, -(p * t + q * s + mu * q * t)


def _digits(mu: int, number: Number, width: int, values: dict[int, Number]) -> list[int]:
    """The digits of `number`, least significant first; `values` says what each positive digit stands for."""
    modulus = 1 << width
    s, t = _power(mu, width)
    tau = -s * pow(t, -1, modulus) % modulus  # what tau is modulo tau^width
    u, v = number
    digits = []
    while u or v:
        digit = 0
        if u & 1:
            digit = (u + v * tau) % modulus
            digit -= modulus if digit >= modulus // 2 else 0
            less, of_tau = values[abs(digit)]
            u, v = (u - less, v - of_tau) if digit > 0 else (u + less, v + of_tau)
        digits.append(digit)
        u, v = v + mu * u // 2, -u // 2
    return digits


@cache
def _values(mu: int) -> dict[int, Number]:
    """What a digit stands for: itself modulo tau^WIDTH, so that the digits come to an end."""
    power = _power(mu, WIDTH)
    return {odd: _remainder(mu, odd, power) for odd in range(1, 1 << WIDTH - 1, 2)}


@cache
def odd_digits(mu: int) -> dict[int, list[int]]:
    """What each positive digit stands for, in digits -1, 0 and 1 of base tau, least significant first."""
    return {odd: _digits(mu, value, 2, {1: (1, 0)}) for odd, value in _values(mu).items()}


@cache
def _whole(mu: int, degree: int) -> Number:
    """tau^degree - 1, of which every multiple takes a point to infinity."""
    u, v = _power(mu, degree)
    return u - 1, v


def digits_of(scalar: int, mu: int, degree: int) -> list[int]:
    """`scalar` in digits of base tau, least significant first; about as many as `degree`."""
    return _digits(mu, _remainder(mu, scalar, _whole(mu, degree)), WIDTH, _values(mu))
