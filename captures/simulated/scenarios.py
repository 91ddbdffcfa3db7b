"""Stories that a home can live through, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from captures.simulated import home, joining, life
from captures.simulated.faults import plant
from captures.simulated.han import Han
from captures.simulated.medium import Wait
from captures.simulated.profile import Profile

__all__ = ["SCENARIOS", "Scenario", "simulate"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: what it is, how long it lasts in simulated seconds, and how it goes."""

    name: str
    summary: str
    seconds: float
    prepare: Callable[[Han], None]
    story: Callable[[Han], Wait]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str, summary: str, seconds: float, prepare: Callable[[Han], None]
) -> Callable[[Callable[[Han], Wait]], Callable[[Han], Wait]]:
    """Register a story."""

    def register(story: Callable[[Han], Wait]) -> Callable[[Han], Wait]:
        SCENARIOS[name] = Scenario(name, summary, seconds, prepare, story)
        return story

    return register


def _furnished(han: Han) -> None:
    home.furnish(han)


def _ready(han: Han) -> None:
    home.furnish(han)
    home.ready(han)


@scenario("install-day", "The installer's visit: the network forms, all devices join", 5400, _furnished)
def install_day(han: Han) -> Wait:
    yield han.wait(2)
    yield from joining.form(han.hub)
    life.live(han.hub)
    for node in han.nodes:
        if node.role == "CHF":
            continue
        yield han.wait(60)
        yield from joining.open_joining(han.hub, 180)
        yield han.wait(5)
        yield from home.install(node)


@scenario("ordinary-day", "Twenty-four hours of a home that was installed long ago", 86_400, _ready)
def ordinary_day(han: Han) -> Wait:
    yield han.wait(0)


def simulate(
    name: str,
    *,
    seed: int = 1,
    seconds: float | None = None,
    faults: Sequence[str] = (),
    profile: Profile | None = None,
    strength: float = 1.0,
) -> Han:
    """Play a scenario with faults planted in it, and return the home with all that was heard.

    Raises:
        KeyError: no such scenario or fault.
        ValueError: a fault needs a device that the home lacks.
    """
    story = SCENARIOS[name]
    han = Han(seed, profile=profile)
    story.prepare(han)
    length = story.seconds if seconds is None else seconds
    when = han.stream("faults")
    for fault in faults:
        plant(han, fault, at=length * when.uniform(0.3, 0.7), strength=strength)
    han.env.process(story.story(han))
    han.run(length)
    return han
