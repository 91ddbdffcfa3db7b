"""Ceilings of all that a decoding remembers from block to block: what is forgotten is counted, and said.

Strategy: memories grow freely within a block of frames. Behind each block they are looked at; one that holds more
than its ceiling forgets the oldest of what it holds (a memory that was made last is the likeliest to be asked for),
a quarter more than it has to, so that this is seldom done. Memories that are not listed here are bounded where they
are kept. What this comes to in octets is in `docs/reliability.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from dissectors.security import KeyProofs

if TYPE_CHECKING:
    from analysis.pipeline.session import Session

__all__ = ["CEILINGS", "keep_within", "notes"]


UNPROVEN_KEYS = 512
"""Keys that the capture taught but that opened no frame so far: the oldest ones are forgotten."""
PROVEN_KEYS, FIRST_KEYS = 512, 64
"""Keys that the capture taught and that opened frames: of more, the oldest are forgotten, but the very first."""
NO_USE = "keys that the capture taught, but that opened nothing, were forgotten"
TUNNEL_OCTETS = 16 << 20
"""Octets of unfinished messages in all tunnels: of more, the tunnels that were opened first are forgotten."""
TUNNELS_FORGOTTEN = "tunnels with unfinished messages of more than 16 MiB in all were forgotten"
TOO_MANY = "keys that the capture taught, and that opened frames, were forgotten: they were too many"


class Ceiling(NamedTuple):
    """The most entries that a memory holds.

    Attributes:
        state: name of the class that holds it in the context.
        attribute: a dictionary or set of it.
        most: entries.
        text: what they are, for people; empty where the loss changes no result (a memory that saves work).
    """

    state: str
    attribute: str
    most: int
    text: str = ""


CEILINGS = (
    Ceiling("AddressMap", "pairs", 65_536, "owners of short addresses"),
    Ceiling("AddressMap", "first", 65_536, "first owners of short addresses"),
    Ceiling("Radios", "_radios", 65_536, "radios of the devices table"),
    Ceiling("Shut", "addressless", 65_536, "senders whose EUI-64 was missing"),
    Ceiling("FrameCounters", "tracks", 65_536, "senders' frame counters"),
    Ceiling("KeyProofs", "proven", 65_536, "proofs that a key is right"),
    Ceiling("KeyChanges", "frames", 65_536, "pairs whose key was changed"),
    Ceiling("KeyChanges", "computed", 65_536, "pairs whose key was computed"),
    Ceiling("Openings", "hits", 65_536),
    Ceiling("Tunnels", "open", 4096, "tunnels"),
    Ceiling("Tunnels", "requested", 4096, "requests for a tunnel"),
    Ceiling("Scales", "known", 16_384, "multipliers and divisors"),
    Ceiling("Scales", "devices", 16_384, "devices with multipliers and divisors"),
    Ceiling("Downloads", "of", 4096, "downloads of firmware"),
    Ceiling("Establishments", "of", 4096, "key establishments"),
    Ceiling("CarriedCertificates", "seen", 4096, "certificates of key establishments"),
)


def keep_within(session: Session) -> None:
    """Let every memory of `session` forget what is beyond its ceiling; what was forgotten is counted there."""
    states = {type(state).__name__: state for state in _states(session)}
    for one in CEILINGS:
        state = states.get(one.state)
        held = getattr(state, one.attribute, None)
        if held is not None and len(held) > one.most:
            count = len(held) - one.most + one.most // 4
            session.forgotten[one.text] += count
            _forget(held, count)
    if "Tunnels" in states:
        _forget_tunnels(session, states["Tunnels"].open)
    _forget_keys(session)


def _forget_tunnels(session: Session, held: dict[Any, Any]) -> None:
    """Forget the tunnels that were opened first until the unfinished messages of the others fit TUNNEL_OCTETS."""
    sizes = [sum(len(one.octets) for one in tunnel.assemblies.values()) for tunnel in held.values()]
    beyond, count = sum(sizes) - TUNNEL_OCTETS, 0
    while beyond > 0:
        beyond -= sizes[count]
        count += 1
    if count:
        session.forgotten[TUNNELS_FORGOTTEN] += count
        _forget(held, count)


def _forget_keys(session: Session) -> None:
    """Of the keys that the capture taught, the last that opened nothing stay, and of those that opened something the
    last and some of the first (which opened the most)."""
    keys = session.context.keyring.keys
    learnt = keys[session.given :]
    if len(learnt) <= min(UNPROVEN_KEYS, PROVEN_KEYS):
        return
    proven = {value for _, value in session.context.state(KeyProofs).proven}
    kinds: tuple[list[int], list[int]] = ([], [])
    for place, key in enumerate(learnt):
        kinds[key.value in proven].append(place)
    forgotten = _beyond(kinds[False], UNPROVEN_KEYS, 0), _beyond(kinds[True], PROVEN_KEYS, FIRST_KEYS)
    gone = {place for places in forgotten for place in places}
    if gone:
        keys[session.given :] = [key for place, key in enumerate(learnt) if place not in gone]
        session.context.keyring.revision += 1
    for text, places in zip((NO_USE, TOO_MANY), forgotten, strict=True):
        if places:
            session.forgotten[text] += len(places)


def _beyond(places: list[int], most: int, first: int) -> list[int]:
    """The oldest of too many, but the very `first` of them."""
    return places[first : first + len(places) - most + most // 4] if len(places) > most else []


def _states(session: Session) -> Iterator[Any]:
    yield from session.context.states()
    yield session.context.addresses
    yield session.radios
    yield session.shut


def _forget(held: dict[Any, Any] | set[Any], count: int) -> None:
    """Take the oldest entries out of a dictionary, any of a set."""
    for key in list(islice(held, count)):
        if isinstance(held, dict):
            del held[key]
        else:
            held.discard(key)


def notes(session: Session) -> list[str]:
    """What was forgotten, one sentence a kind."""
    most = {one.text: one.most for one in CEILINGS}
    found = [
        f"more than {most[text]:,} {text}: {count:,} were forgotten" if text in most else f"{count:,} {text}"
        for text, count in session.forgotten.items()
        if text
    ]
    untried = session.context.keyring.untried
    if untried:
        found.append(
            f"{untried:,} keys that the capture brought were too many to be tried on a frame that they fit"
        )
    return found
