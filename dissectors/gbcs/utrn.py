"""Prepayment tokens: the 20 digits of a UTRN, the 64 bits of its PTUT, and their check.

UTRN = PPTD (19 digits) and a check digit; PPTD = PTUT + 7394156990786306048. PTUT = 7 zero bits, low 10
bits of the counter, 2 bits of value class, 13 bits of value, 32 bits of MAC.

Source: GBCS 4.x section 14.3 and 14.4; the check digit is Verhoeff's with an own inverse table.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.gbcs.trust.keystore import AGREEMENT, PREPAYMENT, Keystore
from dissectors.gbcs.trust.protection import Verdict, gmac, message_key
from dissectors.model.errors import Malformed

__all__ = ["BASE", "Utrn", "authenticate", "build", "check_digit", "describe", "generate", "parse"]

BASE = 7394156990786306048
_ROTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_INVERSE = (1, 2, 6, 7, 5, 8, 3, 0, 9, 4)
_CLASSES = {0: ("pence", 0.01), 1: ("pounds", 1.0)}


def _dihedral(a: int, b: int) -> int:
    """Product in the dihedral group of ten elements."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(_ROTATION[x] for x in rows[-1]))
    return tuple(rows)


_PERMUTATIONS = _permutations()
_PRODUCTS = tuple(tuple(_dihedral(a, b) for b in range(10)) for a in range(10))


def check_digit(digits: str) -> int:
    """Check digit of the 19 digits of a PPTD."""
    product, step = 0, 4
    for digit in digits:
        product = _PRODUCTS[product][_PERMUTATIONS[step][int(digit)]]
        step = (step + 1) % 8
    return _INVERSE[product]


@dataclass(frozen=True, slots=True)
class Utrn:
    """What a token says.

    Attributes:
        ptut: the 64 bits.
        counter_bits: low 10 bits of the PTUT counter's upper half.
        value_class: 0 pence, 1 pounds; 2 and 3 are reserved.
        value: 13 bits.
        mac: last 4 octets of the GMAC.
        digit_ok: the check digit fits.
    """

    digits: str
    ptut: int
    counter_bits: int
    value_class: int
    value: int
    mac: bytes
    digit_ok: bool

    @property
    def pounds(self) -> float | None:
        """Value in pounds sterling; None for a reserved class."""
        known = _CLASSES.get(self.value_class)
        return self.value * known[1] if known else None


def parse(digits: str) -> Utrn:
    """The token in 20 digits (spaces and hyphens between them are passed over).

    Raises:
        Malformed: not 20 digits, or a number that is no PTUT.
    """
    digits = digits.replace(" ", "").replace("-", "")
    if len(digits) != 20 or not digits.isascii() or not digits.isdigit():
        raise Malformed(f"a UTRN has 20 digits, this has {len(digits)} characters", layer="gbcs.utrn")
    ptut = int(digits[:19]) - BASE
    if not 0 <= ptut < 1 << 57:
        raise Malformed("the number is not one of a UTRN (below its base or too large)", layer="gbcs.utrn")
    return Utrn(
        digits,
        ptut,
        ptut >> 47 & 0x3FF,
        ptut >> 45 & 3,
        ptut >> 32 & 0x1FFF,
        (ptut & 0xFFFFFFFF).to_bytes(4, "big"),
        check_digit(digits[:19]) == int(digits[19]),
    )


def build(counter_bits: int, value_class: int, value: int, mac: bytes) -> str:
    """The 20 digits of a token from its parts.

    Raises:
        Malformed: a part does not fit its bits.
    """
    if not (0 <= counter_bits < 1024 and 0 <= value_class < 4 and 0 <= value < 8192 and len(mac) == 4):
        raise Malformed("a part of the PTUT does not fit its bits", layer="gbcs.utrn")
    ptut = counter_bits << 47 | value_class << 45 | value << 32 | int.from_bytes(mac, "big")
    digits = f"{ptut + BASE:019d}"
    return f"{digits}{check_digit(digits)}"


def _mac(secret: bytes, supplier: bytes, device: bytes, counter: int, top: int) -> bytes:
    """The 4 octets of MAC over the upper half of the PTUT; `counter` is the full PTUT counter (64 bits)."""
    key = message_key(secret, supplier, 1, counter, device)
    data = (
        b"\x11" + bytes(5) + supplier + device + b"\x01" + counter.to_bytes(8, "big") + top.to_bytes(4, "big")
    )
    return gmac(key, supplier, data)[-4:]


def _secrets(keystore: Keystore, supplier: bytes, device: bytes) -> tuple[bytes, ...]:
    return keystore.secrets(supplier, device, PREPAYMENT, AGREEMENT)


def authenticate(token: Utrn, supplier: bytes, device: bytes, counter: int, keystore: Keystore) -> Verdict:
    """Does the token come from `supplier` for `device`?

    `counter`: the originator counter of the message that carried it, whose upper half is the PTUT counter;
    of it only the 10 bits in the token can be checked without a key. A plain counter (lower half not zero)
    is taken as it is with the lower half cleared.
    """
    secrets = _secrets(keystore, supplier, device)
    if not secrets:
        return "no_key"
    full = counter >> 32 << 32
    for guess in dict.fromkeys((full, _recovered(counter, token.counter_bits))):
        for secret in secrets:
            if _mac(secret, supplier, device, guess, token.ptut >> 32) == token.mac:
                return "valid"
    return "invalid"


def _recovered(last: int, bits: int) -> int:
    """The PTUT counter with the low 10 bits `bits` that is next at or above the last one known."""
    upper = last >> 32
    found = upper & ~0x3FF | bits
    return (found if found >= upper else found + 1024) << 32


def generate(
    supplier: bytes, device: bytes, counter: int, value: int, keystore: Keystore, *, pounds: bool = False
) -> str:
    """A token of `value` pence (or pounds) from `supplier` for `device`, with the PTUT counter `counter`.

    Raises:
        Malformed: the value does not fit 13 bits, or no pre-payment key of the pair is held.
    """
    secrets = _secrets(keystore, supplier, device)
    if not secrets:
        raise Malformed("no pre-payment key of this supplier and device is held", layer="gbcs.utrn")
    if not 0 <= value < 8192:
        raise Malformed(f"a value of {value} does not fit 13 bits", layer="gbcs.utrn")
    full = counter >> 32 << 32
    bits = full >> 32 & 0x3FF
    top = bits << 15 | int(pounds) << 13 | value
    return build(bits, int(pounds), value, _mac(secrets[0], supplier, device, full, top))


def describe(digits: str) -> str:
    """A token in a line of text: its value and whether its check digit fits."""
    try:
        token = parse(digits)
    except Malformed as error:
        return f'"{digits}" ({error.text})'
    amount = f"{token.pounds:.2f} GBP" if token.pounds is not None else f"class {token.value_class}"
    return f'UTRN "{digits}": {amount}, check digit {"ok" if token.digit_ok else "wrong"}'
