"""The table of `docs/reliability.md`."""

import sys

from tests.bombs import BOMBS, room, sound, times
from tests.bombs.measuring import decoded, seconds, sound_room


def main() -> None:
    octets = sound()
    print(f"sound: {seconds(decoded, octets) / len(octets) * 1e9:.0f} ns, {sound_room():.0f} octets an octet")
    for name in sys.argv[1:] or BOMBS:
        make, limit, most = BOMBS[name]
        octets = make()
        spent, held = times(octets), max(room(make), 0.0)
        print(f"| {name} | {len(octets):,} | {spent:.1f} | {limit:g} | {held:.1f} | {most:g} |", flush=True)


main()
