"""Multiples of points on the binary curves of key establishment, against the same by doubling and adding, and against OpenSSL:
``python -m tests.benchmarks.curves [--rounds N] [--points N]``.

For each curve two things that a key establishment computes: a scalar times the base point, and u times the base point
plus v times another (ECMQV). Ours and the plain way take turns in one process, with the same scalars, and must come to the
same point; what is shown is the median of processor time, and of the ratios. `cryptography` has had none of these curves
since version 47; ``openssl speed`` (one ECDH, which is one multiple) is run beside it where it is built with them."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from dissectors.crypto.binary_curves import SECT163K1, SECT283K1, Curve, Point
from tests.benchmarks.gbcs_messages import spent

OPENSSL = {SECT163K1.name: "ecdhk163", SECT283K1.name: "ecdhk283"}


def doubled_and_added(curve: Curve, scalar: int, point: Point) -> Point:
    """A multiple by the scalar's bits, the plain way."""
    out: Point = None
    for bit in bin(scalar)[2:]:
        out = curve.double(out)
        if bit == "1":
            out = curve.add(out, point)
    return out


def scalars(curve: Curve, count: int) -> list[int]:
    """The same ones in every run."""
    drawn = random.Random(curve.degree)
    return [drawn.randrange(1, curve.order) for _ in range(count)]


def turns(ours: Callable[[], object], plain: Callable[[], object], rounds: int, points: int) -> str:
    """Both in turn: milliseconds of processor time for one, and how many times faster ours is."""
    pairs = [(spent(ours), spent(plain)) for _ in range(rounds)]
    ratios = sorted(b / a for a, b in pairs)
    mine, theirs = (median(side) / points * 1e3 for side in zip(*pairs, strict=True))
    spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
    return f"{mine:.2f} ms, plain {theirs:.2f} ms: **{median(ratios):.1f} times** faster ({spread})"


def on(curve: Curve, rounds: int, points: int) -> Iterator[str]:
    """The lines of one curve."""
    drawn = scalars(curve, 2 * points)
    pairs = list(zip(drawn[:points], drawn[points:], strict=True))
    other = curve.times(drawn[0])  # the tables of the base point are made by now, once in a process

    def multiples(times: Callable[[int, Point], Point]) -> list[Point]:
        return [times(one, curve.base) for one, _ in pairs]

    def sums() -> list[Point]:
        return [curve.combine([(u, curve.base), (v, other)]) for u, v in pairs]

    def plain_sums() -> list[Point]:
        times = partial(doubled_and_added, curve)
        return [curve.add(times(u, curve.base), times(v, other)) for u, v in pairs]

    plain = partial(multiples, partial(doubled_and_added, curve))
    ours = partial(multiples, curve.times)
    if ours() != plain() or sums() != plain_sums():
        raise RuntimeError(f"{curve.name}: the two ways come to different points")
    yield f"{curve.name}, a multiple of the base point: {turns(ours, plain, rounds, points)}"
    yield f"{curve.name}, u times the base point and v times another: {turns(sums, plain_sums, rounds, points)}"
    rate = openssl(curve)
    if rate is None:
        yield f"{curve.name}: no OpenSSL here that has it"
    else:
        mine = median(spent(ours) for _ in range(rounds)) / points
        yield f"{curve.name}: OpenSSL's ECDH (in C) takes {1e3 / rate:.2f} ms: ours takes {mine * rate:.0f} times as long"


def openssl(curve: Curve) -> float | None:
    """ECDH operations a second of the OpenSSL of this machine; None where it has none of this curve."""
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, "speed", "-seconds", "1", OPENSSL[curve.name]]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.split() for line in ran.stdout.splitlines() if "ecdh" in line]
    return float(lines[-1][-1]) if ran.returncode == 0 and lines else None


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.curves", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--points", type=int, default=10, help="in each round")
    chosen = parser.parse_args()
    for curve in (SECT163K1, SECT283K1):
        for line in on(curve, chosen.rounds, chosen.points):
            print(line, flush=True)


if __name__ == "__main__":
    main()
