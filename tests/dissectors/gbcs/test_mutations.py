"""build(parse(x)) == x for mutated messages, or the parser says where the encoding is not canonical."""

import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dissectors.dlms.cosem.data import read_node
from dissectors.gbcs import dissect_message
from dissectors.gbcs.catalogue.objects import ValueNames
from dissectors.gbcs.gbt import Block, build_block
from dissectors.gbcs.payloads.building import Ask
from dissectors.gbcs.payloads.values import Values
from dissectors.gbcs.sealing import MessageHeader, grouping, signed
from tests.dissectors.gbcs import own
from tests.dissectors.gbcs.round_trip import rebuilt, stated
from tests.fuzz.mutation import mutated

HEAD = {tag: bytes((tag, 0x20, 0, 0, 7, 0)) for tag in (0xD9, 0xDA)}  # tag, invoke id, no date-time
HEADER = MessageHeader(2, 7, bytes(8), bytes(7) + b"\1", 0x2C)
ALL = int(os.environ.get("HANSCOPE_MUTATIONS", "0"))
"""How many mutations each test tries; a few thousand when it is not set (`make mutations` sets it)."""


def played(messages: list[bytes], count: int, seed: int) -> Counter[str]:
    chance, found = random.Random(seed), Counter[str]()
    for _ in range(count):
        octets = mutated(chance.choice(messages), chance, messages)
        found[rebuilt(dissect_message(octets))] += 1
    return found


def test_mutated_own_messages() -> None:
    found = played([bytes.fromhex(row["hex"]) for row in own.rows()], ALL or 3000, 9)
    assert found["same"] > 0.3 * found.total()
    assert found["stated"] > 5


@pytest.mark.shared
def test_mutated_published_messages(shared: Path) -> None:
    files = sorted((shared / "vectors" / "rtds" / "messages").rglob("*.HEX"))
    messages = [bytes.fromhex("".join(path.read_text().split())) for path in files]
    assert len(messages) > 700
    found = played(messages, ALL or 3000, 10)
    assert found["same"] > 0.3 * found.total()


def test_mutated_own_messages_with_keys() -> None:
    """What opens is sealed again, what has a good MAC gets it again."""
    chance, store, found = random.Random(11), own.keystore(), Counter[str]()
    messages = [bytes.fromhex(row["hex"]) for row in own.rows()]
    for octets in messages:
        for _ in range(max(20, ALL // 100)):
            found[rebuilt(dissect_message(mutated(octets, chance), store), store)] += 1
    assert found["same"] > 100


def flipped(name: str, place: int, value: int) -> bytes:
    octets = bytearray(own.octets(name))
    octets[place] = value
    return bytes(octets)


def test_the_security_header_of_the_mac_is_kept_and_told() -> None:
    octets = own.octets("ecs17b-command")
    at = octets.index(b"\x11\0\0\0\0")
    for place, value in ((at, 0x31), (at + 1, 1), (at + 4, 0xFF)):
        message = dissect_message(flipped("ecs17b-command", place, value), own.keystore())
        assert rebuilt(message) == "same"
        assert message.facts["mac"] == "invalid"
        told = [i for i in message.issues if i.text.startswith("security header of the MAC")]
        assert [(i.severity, i.offset) for i in told] == [("warning", place)]


def test_a_length_longer_than_it_need_be_is_told() -> None:
    octets = own.octets("ecs02-command")
    short = dissect_message(octets)
    start = short.layout.payload[0]  # type: ignore[index]
    size = start - short.layout.information[1]  # type: ignore[index]
    length = (short.layout.payload[1] - start).to_bytes(2, "big")  # type: ignore[index]
    at = start - size
    message = dissect_message(
        octets[short.layout.start : at] + b"\x82" + length + octets[start : short.layout.mac]
    )
    assert rebuilt(message) == "stated"
    assert stated(message) == [at - (short.layout.start or 0)]


@pytest.mark.parametrize(("data", "results"), [(0, 2), (1, 0), (3, 1)])
def test_numbers_of_data_and_results_may_differ(data: int, results: int) -> None:
    payload = HEAD[0xDA] + b"\0" + bytes((data,)) + b"\x11\5" * data
    payload += bytes((results,)) + b"\1\0" * results
    message = dissect_message(signed(grouping(HEADER, payload), b""))
    assert not [i for i in message.issues if i.severity == "error"]
    assert rebuilt(message) == "same"


@pytest.mark.parametrize(("asks", "data"), [(0, 2), (2, 0), (3, 1)])
def test_numbers_of_specifications_and_data_may_differ(asks: int, data: int) -> None:
    payload = HEAD[0xD9] + bytes((asks,)) + Ask(1, 3, "1-0:1.8.0.255", 2).build() * asks
    payload += bytes((data,)) + b"\0" * data
    message = dissect_message(signed(grouping(replace(HEADER, cra=1), payload), b""))
    assert rebuilt(message) == "same"
    assert any(f"{data} data for {asks} specifications" in i.text for i in message.issues)


def test_octets_behind_a_long_count_are_not_lost() -> None:
    payload = HEAD[0xDA] + b"\0\x81\0\0" + b"\x55\x66"
    message = dissect_message(signed(grouping(HEADER, payload), b""))
    assert any(i.severity == "error" and "2 octets left over" in i.text for i in message.issues)
    assert rebuilt(message) == "unread"


def test_a_block_is_built_again_with_what_its_header_holds() -> None:
    head_ = Block(1, 7, bytes(8), bytes(8), 0x62, 0x41, 3, 2, b"abc", 0, bytes(5))
    for block in (head_, replace(head_, date_time=bytes(12), information=b"\1", key_info=b"\2\3")):
        octets = build_block(block, block.data, 3, last=True)
        assert rebuilt(dissect_message(octets)) == "same"
        assert rebuilt(dissect_message(b"\2\1" + octets)) == "same"
        size = octets.index(bytes(5) + b"\xe0") - 1
        longer = octets[:size] + b"\x81" + octets[size:]
        assert rebuilt(dissect_message(longer)) == "stated"


@pytest.mark.parametrize("lead", ["01", "0200", "02", "03", "02dd"])
def test_tunnel_headers_are_built_again(lead: str) -> None:
    for octets in (b"",) * (lead != "02dd") + (own.octets("ecs17b-command"),):
        message = dissect_message(bytes.fromhex(lead) + octets)
        assert message.lead and rebuilt(message) == "same"


def test_no_encrypted_part_opens_under_another_security_header() -> None:
    octets = own.octets("gcs13c-response")
    opened = dissect_message(octets, own.keystore())
    assert opened.facts["decrypted_parts"]
    at = opened.payload.sealed[0][0] - 5  # type: ignore[union-attr]
    for place in range(at, at + 5):
        message = dissect_message(flipped("gcs13c-response", place, octets[place] ^ 1), own.keystore())
        assert message.facts["decrypted_parts"] == opened.facts["decrypted_parts"] - 1
        assert any(f"security header {message.octets[at : at + 5].hex()}" in i.text for i in message.issues)
        assert rebuilt(message) == "same"


@pytest.mark.parametrize("log_code", ["0903616263", "0a03616263", "173f800000", "0403a0", "0301", "00"])
def test_a_log_code_of_any_type_is_shown(log_code: str) -> None:
    values = Values(None, ValueNames("LogCode"))
    node = read_node(bytes.fromhex(log_code), 0, len(log_code) // 2)[0]
    assert values.named(node, "LogCode").meaning
    assert len(values.rows(node, "event log: LogCode")) == 1
