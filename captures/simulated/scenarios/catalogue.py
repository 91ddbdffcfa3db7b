"""Stories that a home can live through, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captures.simulated.air.medium import Disturbance, Receiver, Transmission, Wait
from captures.simulated.air.profile import Profile
from captures.simulated.air.profile import profile as named_profile
from captures.simulated.devices import behaviour, hand_held, home
from captures.simulated.devices.han import Han
from captures.simulated.faults.catalogue import inject, known
from captures.simulated.remote import gbcs_flows
from captures.simulated.scenarios import exercise, scenario_steps
from captures.simulated.stack import joining
from captures.simulated.stack.network import Role

__all__ = ["SCENARIOS", "Scenario", "simulate", "stage"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: what it is, how long it lasts in simulated seconds, how it goes, and what its home must have.

    Attributes:
        profile: parameters of the home (dots written as double underscores).
    """

    name: str
    summary: str
    seconds: float
    prepare: Callable[[Han], None]
    story: Callable[[Han], Wait]
    profile: Mapping[str, Any] = field(default_factory=dict)


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str,
    summary: str,
    seconds: float,
    prepare: Callable[[Han], None],
    profile: Mapping[str, Any] | None = None,
) -> Callable[[Callable[[Han], Wait]], Callable[[Han], Wait]]:
    """Register a story."""

    def register(story: Callable[[Han], Wait]) -> Callable[[Han], Wait]:
        SCENARIOS[name] = Scenario(name, summary, seconds, prepare, story, profile or {})
        return story

    return register


def _furnished(han: Han) -> None:
    home.furnish(han)


def _ready(han: Han) -> None:
    home.furnish(han)
    home.installed_long_ago(han)


@scenario("install-day", "The installer's visit: the network forms, all devices join", 5400, _furnished)
def install_day(han: Han) -> Wait:
    yield han.wait(2)
    yield from joining.form(han.hub)
    yield from _installation(han)


def _installation(han: Han) -> Wait:
    behaviour.live(han.hub)
    for node in han.nodes:
        if node.role == Role.CHF:
            continue
        yield han.wait(60)
        yield from gbcs_flows.whitelist(han)
        yield from joining.open_joining(han.hub, 180)
        yield han.wait(5)
        if (yield from home.install(node)):
            yield from gbcs_flows.commission(han, node)


@scenario(
    "hand-held-terminal",
    "A hand-held terminal agrees on a key with the hub; then all join",
    5400,
    _furnished,
)
def hand_held_terminal(han: Han) -> Wait:
    yield han.wait(2)
    yield from joining.form(han.hub)
    yield han.wait(60)
    yield from hand_held.visit(han)
    yield from _installation(han)


@scenario("ordinary-day", "Twenty-four hours of a home that was installed long ago", 86_400, _ready)
def ordinary_day(han: Han) -> Wait:
    yield from gbcs_flows.daily(han)


@scenario("prepayment", "Top-ups by code at the display, credit and events, messages", 7200, _ready)
def prepayment(han: Han) -> Wait:
    display, meter = han.node("Prepayment display"), han.node("Electricity meter")
    for number in range(4):
        yield han.wait(900)
        pence = 1000 * (number + 1)
        yield from scenario_steps.top_up(display, meter, gbcs_flows.token(han, meter, pence), pence)
        yield han.wait(5)
        yield from scenario_steps.event(han.hub, display, 0x8F00 + number)
    yield from scenario_steps.display_message(han.hub, display, "Thank you for your payment", 11)
    yield from gbcs_flows.top_up(han)


@scenario(
    "firmware-update", "New firmware for the electricity meter, the display and the gas meter", 5400, _ready
)
def firmware_update(han: Han) -> Wait:
    for name in ("Electricity meter", "Prepayment display", "Gas meter"):
        yield han.wait(120)
        yield from scenario_steps.upgrade(han, han.node(name))
        if name != "Prepayment display":
            yield from gbcs_flows.activate(han, han.node(name).role)


@scenario("change-of-supplier", "The supplier changes: announcement, new tariff, messages", 5400, _ready)
def change_of_supplier(han: Han) -> Wait:
    meter = han.node("Electricity meter")
    displays = [han.node("Prepayment display"), han.node("In-home display")]
    yield han.wait(300)
    for display in displays:
        yield from scenario_steps.change_supplier(han.hub, display)
    yield han.wait(300)
    yield from gbcs_flows.hand_over(han)
    yield han.wait(60)
    for display in displays:
        yield from scenario_steps.publish_tariff(meter, display)
        yield from scenario_steps.display_message(han.hub, display, "Welcome to your new supplier", 21)


@scenario(
    "hub-swap", "The communications hub is replaced; every device finds its way to the new one", 5400, _ready
)
def hub_swap(han: Han) -> Wait:
    yield from scenario_steps.swap_hub(han)
    yield from gbcs_flows.whitelist(han)
    yield from gbcs_flows.ask(han, ("ECS17b", "GCS13a"))


@scenario("key-update", "A new network key is distributed and taken into use", 5400, _ready)
def key_update(han: Han) -> Wait:
    yield han.wait(900)
    yield from joining.update_network_key(han.hub)


@scenario("cad-pairing", "The person at home pairs a second consumer access device", 3600, _ready)
def cad_pairing(han: Han) -> Wait:
    yield han.wait(300)
    yield from scenario_steps.pair_cad(han)


@scenario("sub-ghz-day", "A day with the gas meter on 868 MHz and a sniffer in each band", 86_400, _ready,
          {"gsme__sub_ghz": 1})  # fmt: skip
def sub_ghz_day(han: Han) -> Wait:
    yield from gbcs_flows.daily(han)


@scenario(
    "security-review",
    "For reviewers: a join, a key update, firmware, a rejoin",
    7200,
    _ready,
)
def security_review(han: Han) -> Wait:
    yield han.wait(300)
    yield from scenario_steps.pair_cad(han)
    yield from gbcs_flows.ask(han, ("CS02a", "CS02e", "ECS35b", "GCS13a"))
    yield han.wait(600)
    yield from joining.update_network_key(han.hub)
    yield han.wait(300)
    yield from joining.rejoin(han.node("In-home display"))
    yield han.wait(60)
    yield from scenario_steps.upgrade(han, han.node("Load control switch"))


@scenario(
    "proving-exercise",
    "Every GBCS use case that has a template, from command to verified answer",
    5400,
    _ready,
)
def proving_exercise(han: Han) -> Wait:
    yield from exercise.play(han)


@scenario(
    "portable-display",
    "A display that is carried about and switched off; all is well",
    43_200,
    _ready,
)
def portable_display(han: Han) -> Wait:
    display, rng = han.node("In-home display"), han.stream("portable display")
    while True:
        yield han.wait(rng.uniform(2400, 9000))
        display.up = False
        yield han.wait(rng.uniform(600, 7200))
        display.up = True
        yield from joining.rejoin(display)


@scenario("hub-power-cut", "The hub has no power for minutes, and comes back; all is well", 7200, _ready)
def hub_power_cut(han: Han) -> Wait:
    hub, rng = han.hub, han.stream("power cut")
    yield han.wait(rng.uniform(1500, 3600))
    hub.up = False
    yield han.wait(rng.uniform(240, 720))
    hub.up = True
    hub.nwk_counter += 1024 - hub.nwk_counter % 1024  # stored every so many frames


@scenario(
    "weak-links", "Links that are weak and lose frames, and work: retries do it; all is well", 10_800, _ready
)
def weak_links(han: Han) -> Wait:
    far = {han.node("In-home display").name, han.node("Gas meter").name, han.node("Load control switch").name}

    def loses(sent: Transmission, receiver: Receiver | None) -> float:
        ends = {sent.sender.name} | ({receiver.name} if receiver is not None else set())
        return 0.2 if ends & far else 0.02

    han.medium.disturbances.append(Disturbance("weak links", loses, corrupts=False))
    yield from gbcs_flows.daily(han)


def stage(
    name: str,
    *,
    seed: int = 1,
    seconds: float | None = None,
    faults: Sequence[str] = (),
    profile: Profile | None = None,
    strength: float = 1.0,
    use_cases: Sequence[str] | None = None,
    start: int | None = None,
) -> tuple[Han, float]:
    """A scenario ready to be played: the home, and how many seconds there are to run.

    Args:
        use_cases: what the proving exercise runs, by name or message code; everything when None.
        start: when it begins, seconds since 1970 UTC.

    Raises:
        KeyError: no such scenario or fault.
        ValueError: a fault needs a device that the home lacks, or there is no such use case.
    """
    story = SCENARIOS[name]
    chosen = (profile or named_profile()).changed(**story.profile)
    for fault in faults:
        chosen = chosen.changed(**known()[fault].profile)
    han = Han(seed, profile=chosen) if start is None else Han(seed, start=start, profile=chosen)
    han.name = name
    story.prepare(han)
    if name == "proving-exercise":
        han.attach(exercise.Exercise(exercise.selected(use_cases), use_cases is not None))
    length = story.seconds if seconds is None else seconds
    when = han.stream("faults")
    for fault in faults:
        inject(han, fault, at=length * when.uniform(0.3, 0.7), strength=strength)
    han.env.process(story.story(han))
    return han, length


def simulate(name: str, **more: Any) -> Han:
    """Play a scenario with faults planted in it, and return the home with all that was heard.

    Arguments and errors are those of `stage`.
    """
    han, length = stage(name, **more)
    han.run(length)
    return han
