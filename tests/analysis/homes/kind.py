"""What a kind of clean home says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tests.analysis.homes.air import Heard, Process
from tests.analysis.homes.files import Ear
from tests.analysis.homes.life import Home

__all__ = ["Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of clean home.

    Attributes:
        happens: processes of the day. `devices`: roles besides hub, electricity and gas meter and one display.
        form: how the capture is written; drawn where empty. `keys`: whether they are known; `roles`: and whose they are.
        since: hours after which the sniffer was switched on.
        only: which keys are known, where not all are (`files.KNOWN`).
        before: what is set up before anybody lives. `around`: other networks and noise that the sniffer hears, too.
        relayed: a router stands between. `neighbour`: another home is heard on the channel;
            `both`: its keys are known, too.
    """

    happens: tuple[Callable[[Home], Process], ...] = ()
    hours: float = 2.0
    devices: tuple[str, ...] = ()
    start: datetime | None = None
    ear: Ear = field(default_factory=lambda: Ear(missed=0.002))
    form: str = ""
    keys: bool = True
    roles: bool = True
    loss: float = 0.01
    relayed: bool = False
    neighbour: bool = False
    both: bool = False
    since: float = 0.0
    pace: dict[str, object] = field(default_factory=dict)
    only: str = ""
    before: tuple[Callable[[Home], None], ...] = ()
    around: tuple[Callable[[random.Random, float], list[Heard]], ...] = ()
