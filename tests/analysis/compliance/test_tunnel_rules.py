"""Rules on tunnel: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import command, home
from tests.analysis.compliance.tunnels import exchange, opened, step
from tests.analysis.frames import GAS, HUB, METER, STRANGER
from tests.analysis.verdicts import Case, each_of


def refused(status: int, then: float, closes: bool = False) -> Any:
    steps = [step(0, HUB, METER, "request"), step(1, METER, HUB, "granted", tunnel_id=0xFFFF, tunnel_status=status)]  # fmt: skip
    steps += [step(then - 0.5, HUB, METER, "close", tunnel_id=1)] if closes else []
    return exchange(*steps, step(then, HUB, METER, "request"))


def joined(*after: dict[str, Any]) -> Any:
    confirm = command(10, 0x0800, 0x02, HUB, METER, direction="to-client", status=0)
    return home(commands=[*confirm, *after], until=2000)


CASES: dict[str, Case] = {
    "tunnel-after-joining": (joined, lambda: joined(*command(20, 0x0704, 0x00, HUB, METER, direction="to-server", protocol_id=6))),
    "tunnel-roles": (
        lambda: exchange(step(1, HUB, GAS, "request")),
        lambda: exchange(step(1, HUB, METER, "request"), step(2, GAS, HUB, "request")),
    ),
    "tunnel-flood": (
        lambda: exchange(*(step(n * 5, STRANGER, HUB, "request") for n in range(6))),
        lambda: exchange(*(step(n * 30, STRANGER, HUB, "request") for n in range(6))),
    ),
    "tunnel-refused": (lambda: refused(2, 10), lambda: exchange(*opened())),
    "tunnel-busy-retry": (lambda: refused(1, 20), lambda: refused(1, 185)),
    "tunnel-full-close": (lambda: refused(2, 20), lambda: refused(2, 20, closes=True)),
    "tunnel-renewal": (
        lambda: exchange(*opened(), until=70_000),
        lambda: exchange(*opened(), *opened(60_000, tunnel=2), until=70_000),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)
