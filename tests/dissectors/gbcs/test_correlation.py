"""Who answered whom: commands, responses, future-dated alerts, repeated counters."""

import sys
from pathlib import Path

from dissectors.gbcs import build, dissect_message
from dissectors.gbcs.correlation import correlate

sys.path.insert(0, str(Path(__file__).parent))
import own

STORE = own.keystore()


def read(name):
    return dissect_message(own.octets(name), STORE)


def test_command_response_and_alert_belong_together():
    names = ["ecs02-pre-command", "ecs02-command", "ecs17b-command", "ecs17b-response", "ecs02-response"]
    names += ["ecs02-alert", "gcs13c-response"]
    found = correlate((float(i), read(name)) for i, name in enumerate(names))
    first, second = found.exchanges
    assert (first.command, first.response, first.alerts, first.seconds) == (1, 4, [5], 3.0)
    assert first.outcome == "success"
    assert (second.command, second.response, second.seconds) == (2, 3, 1.0)
    assert second.items[0][0].startswith("ImportRegisterCollection")
    assert found.orphans == [6]
    # the second command has the lower counter, and its use case no replay protection
    assert found.repeats == []


def test_counters_that_do_not_grow():
    def command(counter, name="ECS02"):
        octets = build.command(
            name, originator=own.SUPPLIER, recipient=own.ESME, counter=counter, keystore=STORE
        )
        return dissect_message(octets, STORE)

    messages = [command(5), command(6), command(6), command(6, "ECS03"), command(4), command(7)]
    found = correlate((None, m) for m in messages)
    kinds = [(r.message, r.kind) for r in found.repeats]
    assert kinds == [(2, "same message"), (3, "replayed"), (4, "out of order")]
    assert found.unanswered
