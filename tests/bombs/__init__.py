"""Captures and messages made to cost much: each kind of bomb, something sound to hold it against, and what both cost.

``python -m tests.bombs`` prints the table of `docs/reliability.md`.
"""

from tests.bombs.containers import CONTAINERS
from tests.bombs.frames import ACK, NETWORK_KEY, SIZE, Bomb, sound
from tests.bombs.measuring import decoded, read, room, sound_seconds, times
from tests.bombs.traffic import TRAFFIC

__all__ = [
    "ACK",
    "BOMBS",
    "CONTAINERS",
    "NETWORK_KEY",
    "SIZE",
    "TRAFFIC",
    "Bomb",
    "decoded",
    "read",
    "room",
    "sound",
    "sound_seconds",
    "times",
]

BOMBS = CONTAINERS | TRAFFIC
