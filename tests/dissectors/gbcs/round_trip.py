"""What building a parsed message again must give: the same octets, or a word about each place that differs."""

from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.building.build import build
from dissectors.gbcs.message import GbcsMessage
from dissectors.model.errors import Malformed

STATED = ("not canonical", "fewer would do")


def stated(message: GbcsMessage) -> list[int]:
    """Offsets at which the parser says that the encoding is not the canonical one."""
    return [i.offset for i in message.issues if any(word in i.text for word in STATED)]


def rebuilt(message: GbcsMessage, keystore: Keystore | None = None) -> str:
    """``same``, ``stated``, or ``unread`` for a message that was not read to its end (an error says so).

    Raises:
        AssertionError: octets differ and nothing says so, or what is built again says something else.
    """
    try:
        octets = build(message, keystore)
    except Malformed:
        assert message.error is not None or any(i.severity == "error" for i in message.issues)
        return "unread"
    if octets == message.octets:
        return "same"
    places = stated(message)
    assert places and all(0 <= place < len(message.octets) for place in places), message.octets.hex()
    again = dissect_message(octets, keystore)
    assert repr(again.items) == repr(message.items), message.octets.hex()
    assert not stated(again), message.octets.hex()
    return "stated"
