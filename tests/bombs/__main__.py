"""The table of `docs/reliability.md`."""

import sys

from tests.bombs import BOMBS, room, sound, times
from tests.bombs.measuring import decoded, seconds, sound_room


def main() -> None:
    octets = sound()
    print(f"sound: {seconds(decoded, octets) / len(octets) * 1e9:.0f} ns, {sound_room():.0f} octets an octet")
    for name in sys.argv[1:] or BOMBS:
        make, limit = BOMBS[name]
        octets = make()
        print(
            f"| {name} | {len(octets):,} | {times(octets):.1f} | {limit:g} | {room(make):.1f} |", flush=True
        )


main()
