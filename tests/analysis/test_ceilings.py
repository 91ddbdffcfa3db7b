"""What a decoding remembers has ceilings; what is forgotten is said; strangers cost in proportion."""

import io

import pytest

from analysis.pipeline import ceilings, columns
from analysis.pipeline.ceilings import CEILINGS, Ceiling
from analysis.pipeline.decode import Decoded, decode
from dissectors.model.keyring import Key, Keyring
from dissectors.security.key_proofs import KeyChanges
from dissectors.zcl.scaling import Scales
from dissectors.zcl.stateful.key_establishment import CarriedCertificates, Establishments
from dissectors.zcl.stateful.ota import Downloads
from dissectors.zcl.stateful.tunnel_assembly import Assembly, Tunnel, Tunnels
from tests import bombs
from tests.bombs import traffic

LONG = {"ever other PANs", "ever other EUI-64s", "ever other network keys"}
"""What takes seconds where memory is traced: frames that are dissected one by one."""


def decoded(octets: bytes) -> Decoded:
    return decode(io.BytesIO(octets), Keyring([Key("network", bombs.NETWORK_KEY)]))


def test_memories_are_those_that_there_are() -> None:
    session = decoded(traffic.senders()).session
    for kind in (KeyChanges, Tunnels, Scales, Downloads, Establishments, CarriedCertificates):
        session.context.state(kind)
    states = {type(state).__name__: state for state in ceilings._states(session)}
    for one in CEILINGS:
        assert hasattr(states[one.state], one.attribute), one


def test_octets_that_wait_in_tunnels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    session = decoded(traffic.senders()).session
    held = session.context.state(Tunnels).open
    for number in range(10):
        tunnel = Tunnel(number, assemblies={"to client": Assembly(octets=bytes(100))})
        held[frozenset((1, 2)), number] = tunnel
    monkeypatch.setattr(ceilings, "TUNNEL_OCTETS", 750)
    ceilings.keep_within(session)
    assert [number for _, number in held] == [3, 4, 5, 6, 7, 8, 9]
    assert f"3 {ceilings.TUNNELS_FORGOTTEN}" in ceilings.notes(session)


def test_what_is_forgotten_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(one._replace(most=100) for one in CEILINGS)
    monkeypatch.setattr(ceilings, "CEILINGS", few)
    got = decode(
        io.BytesIO(traffic.senders()), Keyring([Key("network", bombs.NETWORK_KEY)]), block_frames=500
    )
    session = got.session
    assert len(session.context.addresses.pairs) <= 100
    assert len(got.devices) <= 100
    said = [note for note in got.facts.notes if "forgotten" in note]
    assert len(said) == len(set(said)) >= 4
    assert any("owners of short addresses" in note for note in said)
    assert len(got.packets) == 2666
    assert set(got.packets.nwk_security) == {"ok"}


def test_keys_that_open_nothing_are_forgotten_and_those_that_do_stay() -> None:
    octets = traffic.transport_keys()
    frames = octets + bombs.sound()[24:]  # the given key opens what follows
    got = decoded(frames)
    learnt = got.session.context.keyring.keys[got.session.given :]
    assert len(learnt) <= ceilings.UNPROVEN_KEYS
    assert any("keys that the capture taught" in note for note in got.facts.notes)
    assert (got.packets.nwk_security == "ok").sum() == 2666


def test_surprises_in_a_row_give_what_they_gave_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = traffic.transport_keys()[: 24 + 105 * 150] + bombs.sound()[24:]
    fast = decoded(octets)
    monkeypatch.setattr(columns, "SURPRISES", 1 << 40)
    slow = decoded(octets)
    for table in ("packets", "attributes", "commands", "keys", "devices"):
        assert fast.table(table).to_pylist() == slow.table(table).to_pylist(), table


@pytest.mark.parametrize("name", bombs.TRAFFIC)
def test_time_of_strangers_is_in_proportion(name: str) -> None:
    bomb = bombs.TRAFFIC[name]
    assert bombs.times(bomb.make(bombs.SIZE // 2), bomb.times, tries=6, size=bombs.SIZE // 2) < bomb.times


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in bombs.TRAFFIC]
)
def test_memory_of_strangers_is_in_proportion(name: str) -> None:
    bomb = bombs.TRAFFIC[name]
    assert bombs.room(bomb.make, bombs.SIZE // 2) < bomb.room


def test_a_ceiling_forgets_the_oldest() -> None:
    held = {number: number for number in range(10)}
    ceilings._forget(held, 4)
    assert list(held) == [4, 5, 6, 7, 8, 9]
    assert Ceiling("A", "b", 1).text == ""
