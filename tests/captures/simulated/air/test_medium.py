"""The air: what is heard depends on who listens, what is said does not; time and chance of a world."""

import pytest

from captures.simulated.air.medium import Place, Receiver, Transmission
from captures.simulated.air.profile import profile
from captures.simulated.air.truth import Reading
from captures.simulated.air.world import EPOCH_2000, World
from captures.simulated.scenarios import simulate


def test_another_sniffer_changes_nothing_of_what_is_said() -> None:
    """Two listeners with clocks of their own: the first hears what it would have heard alone."""
    alone = simulate("ordinary-day", seed=2, seconds=900)
    both = simulate("ordinary-day", seed=2, seconds=900, profile=profile().changed(sniffer__count=2))
    first = [(h.time_ns, h.octets) for h in both.records() if h.sniffer == 0]
    second = [h for h in both.records() if h.sniffer == 1]
    assert first == [(h.time_ns, h.octets) for h in alone.records()]
    sent = dict(zip((octets for _, octets in first), (time for time, _ in first), strict=True))
    late = [h.time_ns - sent[h.octets] for h in second if h.octets in sent and len(h.octets) > 20]
    assert len(late) > 100 and late[-1] - late[0] == pytest.approx(20e-6 * 900e9, rel=0.3)


def test_a_stream_belongs_to_its_purpose() -> None:
    world = World(seed=5)
    again = [World(seed=5).stream("b").random() for _ in range(2)]
    world.stream("a").random()
    assert world.stream("b").random() == again[0] == again[1] != world.stream("a").random()
    assert world.octets("key", 16) == World(seed=5).octets("key", 16) != World(seed=6).octets("key", 16)


def test_time_is_that_of_the_simulation() -> None:
    world = World(start=EPOCH_2000)
    world.run(2.5)
    assert (world.now, world.utc) == (EPOCH_2000 * 10**9 + 2_500_000_000, 2)
    reading = world.note(Reading("00", "energy", 1, "Wh", 0.001))
    assert reading.time_ns == world.now and world.truth[0]["kind"] == "reading"


def test_parts_are_kept_by_their_type() -> None:
    world = World()
    assert world.find(list) is None
    world.part(list).append(1)
    assert world.part(list) == [1]
    assert world.attach({1: 2}) is world.find(dict)


def test_another_channel_hears_nothing() -> None:
    world = World()
    near, other = Place(1, 0), Receiver("other", Place(1, 0), 12)
    sender = Receiver("sender", near, 11)
    assert not world.medium.arrives(Transmission(sender, b"12"), other)
    assert world.medium.airtime_ns(bytes(10), 0) == (10 + 2 + 6) * 32_000
