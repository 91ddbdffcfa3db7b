"""Fits host time to the clock of a sniffer.

Strategy: the delay from device to host is never negative and often close to its minimum. Points (device,
host) therefore lie on or above a straight line, the true relation of the two clocks, and the lower convex
hull of the points approaches it. The line through the hull edge that spans the present carries drift (crystal
tolerance, up to some 100 ppm) and offset; jitter of USB and scheduling does not disturb it. Fitting to the
first frame only, as some host tools do, leaves the drift in: 40 ppm are 3.5 seconds a day.
"""

from __future__ import annotations

import itertools

__all__ = ["DeviceClock", "Unwrapped"]


class Unwrapped:
    """A counter of `bits` bits that starts again from zero, as one that never does.

    >>> clock = Unwrapped(32)
    >>> [clock.extend(v) for v in (0xFFFFFFF0, 0x10)]
    [4294967280, 4294967312]
    """

    __slots__ = ("_last", "_modulus")

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self._last: int | None = None

    def extend(self, value: int) -> int:
        """The next reading; one that lies up to half a turn back is taken as out of order, not as a wrap."""
        if self._last is None:
            self._last = value
            return value
        step = (value - self._last) % self._modulus
        if step >= self._modulus // 2:
            return self._last + step - self._modulus
        self._last += step
        return self._last


class DeviceClock:
    """Maps unwrapped device time to host time, both in nanoseconds.

    Args:
        window_ns: how much of the past is fitted.
        max_drift: largest relative drift that is believed (200 ppm covers two IEEE 802.15.4 crystals of
            40 ppm and a cheap host).
        resync_ns: a host time so much earlier or later than the fit means that a clock was set or the
            device restarted: the fit starts again.
    """

    def __init__(
        self, window_ns: int = 600_000_000_000, max_drift: float = 2e-4, resync_ns: int = 1_000_000_000
    ) -> None:
        self._window = window_ns
        self._drift = max_drift
        self._resync = resync_ns
        self._hull: list[tuple[int, int]] = []  # (device, host - device), lower hull
        self._last = -(2**63)

    def host_time(self, device_ns: int, host_ns: int) -> int:
        """When, in host time, the device stamped `device_ns`; `host_ns` is when the host had it.

        Never later than `host_ns`, and never earlier than the answer before (unless the clock restarted).
        """
        if self._hull and self._restarted(device_ns, host_ns):
            self._hull.clear()
            self._last = -(2**63)
        self._add(device_ns, host_ns - device_ns)
        fitted = min(device_ns + self._offset(device_ns), host_ns)
        self._last = max(self._last, fitted)
        return self._last

    def _restarted(self, device_ns: int, host_ns: int) -> bool:
        gap = host_ns - (device_ns + self._offset(device_ns))
        elapsed = abs(device_ns - self._hull[-1][0])
        return device_ns < self._hull[-1][0] - self._resync or abs(gap) > self._resync + self._drift * elapsed

    def _add(self, device: int, offset: int) -> None:
        hull = self._hull
        while hull and hull[0][0] < device - self._window and len(hull) > 2:
            hull.pop(0)
        if hull and device <= hull[-1][0]:
            if offset < hull[-1][1]:
                hull[-1] = (hull[-1][0], offset)
            return
        while len(hull) >= 2 and _above(hull[-2], hull[-1], (device, offset)):
            hull.pop()
        hull.append((device, offset))

    def _offset(self, device: int) -> int:
        """Offset of the host clock at `device`: along the longest hull edge, its slope within the drift."""
        hull = self._hull
        if len(hull) == 1:
            return hull[0][1]
        start, end = max(itertools.pairwise(hull), key=lambda edge: edge[1][0] - edge[0][0])
        slope = (end[1] - start[1]) / (end[0] - start[0])
        slope = max(-self._drift, min(self._drift, slope))
        return min(round(point[1] + slope * (device - point[0])) for point in hull)


def _above(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """True when `b` does not lie below the line from `a` to `c`."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])
