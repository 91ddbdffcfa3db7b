"""Rules on ota: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.compliance.rows import (
    OTA,
    Rows,
    alert,
    block,
    command,
    home,
)
from tests.analysis.frames import HUB, METER, STRANGER, smart_energy
from tests.analysis.verdicts import Case, each_of, finds, passes


def request(seconds: float, offset: int = 0) -> Rows:
    return command(seconds, OTA, 0x03, METER, HUB, file_version=7, file_offset=offset)


def offered(held: int, offer: int) -> Any:
    asks = command(1, OTA, 0x01, METER, HUB, current_file_version=held)
    return home(commands=[*asks, *command(2, OTA, 0x02, HUB, METER, status=0, file_version=offer)])


def offered_by(maker: int) -> Any:
    asks = command(1, OTA, 0x01, METER, HUB, manufacturer_id=0x1234, image_type=1)
    return home(commands=[*asks, *command(2, OTA, 0x02, HUB, METER, manufacturer_id=maker, image_type=1)])


def ended(status: int) -> Any:
    return home(commands=command(5, OTA, 0x06, METER, HUB, status=status, file_version=7))


def finished(message_code: int) -> Any:
    ends = command(5, OTA, 0x06, METER, HUB, status=0, file_version=7)
    return home(commands=ends, messages=[alert(60, message_code=message_code)])


CASES: dict[str, Case] = {
    "ota-stalls": (lambda: downloading(3000), lambda: downloading(9800)),
    "ota-source": (lambda: home(commands=block(1, STRANGER)), lambda: home(commands=block(1))),
    "ota-unasked": (
        lambda: home(commands=[*request(1), *block(2), *block(500)]),
        lambda: home(commands=[*request(1), *block(2)]),
    ),
    "ota-offsets": (
        lambda: home(commands=[r for n in range(9) for r in request(1 + n, 64)]),
        lambda: home(commands=[r for n in range(9) for r in request(1 + n, 64 * n)]),
    ),
    "ota-downgrade": (lambda: offered(7, 6), lambda: offered(7, 8)),
    "ota-other-image": (lambda: offered_by(0x4321), lambda: offered_by(0x1234)),
    "ota-aborted": (lambda: ended(0x95), lambda: ended(0x00)),
    "ota-image-header": (
        lambda: home(commands=block(1, image_data="7f454c4600013800")),
        lambda: home(commands=block(1)),
    ),
    "ota-no-activation": (lambda: finished(0x0020), lambda: finished(0x0012)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_download_that_was_ended_by_hand_and_goes_on_informs() -> None:
    found = []
    for status, later in ((0x95, request(300, 64)), (0x95, []), (0x96, request(300, 64))):
        ends = command(5, OTA, 0x06, METER, HUB, status=status, file_version=7)
        rows = home(commands=[*request(1), *ends, *later])
        found.append([one.severity for one in check(rows, rules=["ota-aborted"]).findings])
    assert found == [["info"], ["warning"], ["warning"]]


def test_a_block_at_the_beginning_may_have_been_asked_for_before() -> None:
    rows = home(commands=[*block(2), *request(5), *block(6)])
    assert not check(rows, rules=["ota-unasked"]).findings


def downloading(*until: float, size: int = 10_000, heard: float = 7200.0, ends: bool = False) -> Any:
    """A meter that asks for a block a second up to some octet, again from each of `until`, and is heard to the end."""
    said = command(
        1, OTA, 0x02, HUB, METER, command_name="Query Next Image Response", image_size=size, file_version=7
    )
    seconds = 2.0
    for octet in until:
        for offset in range(0, int(octet), 50):
            said += command(
                seconds, OTA, 0x03, METER, HUB, direction="to-server", file_version=7, file_offset=offset
            )
            seconds += 1.0
    if ends:
        said += command(seconds, OTA, 0x06, METER, HUB, direction="to-server", status=0x95, file_version=7)
    frames = [smart_energy(60.0 * n, METER, HUB) for n in range(1, int(heard / 60))]
    return home(*frames, until=7200, commands=said)


def test_a_download_that_stands_still() -> None:
    """Not one that is nearly over, that ended with an error, or whose device is gone: other rules tell those."""
    finds("ota-stalls", downloading(3000))
    for well in (downloading(9800), downloading(3000, ends=True), downloading(3000, heard=300)):
        passes("ota-stalls", well)
