"""Prepayment tokens: check digit, parts, authentication, generation."""

import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from dissectors.gbcs import dissect_message, utrn
from dissectors.model.errors import Malformed

sys.path.insert(0, str(Path(__file__).parent))
import own
import rtds

STORE = own.keystore()
COUNTER = 77 << 32


def test_a_generated_token_authenticates():
    token = next(r for r in own.rows() if r["id"] == "cs01a-command")["expected"]["utrn"]
    read = utrn.parse(token)
    assert read.digit_ok and read.pounds == 25.0 and read.counter_bits == 77
    assert utrn.authenticate(read, own.SUPPLIER, own.ESME, COUNTER, STORE) == "valid"
    assert utrn.authenticate(read, own.SUPPLIER, own.GSME, COUNTER, STORE) == "invalid"
    assert utrn.authenticate(read, own.SUPPLIER, own.ESME, COUNTER + (1 << 32), STORE) == "invalid"
    assert utrn.authenticate(read, own.OTHER, own.ESME, COUNTER, STORE) == "no_key"


def test_the_upper_counter_is_recovered_from_an_older_one():
    token = utrn.generate(own.SUPPLIER, own.ESME, 2049 << 32, 10, STORE)
    assert utrn.authenticate(utrn.parse(token), own.SUPPLIER, own.ESME, 1500 << 32, STORE) == "valid"


def test_parts_round_trip_and_a_wrong_digit_is_seen():
    token = utrn.generate(own.SUPPLIER, own.ESME, COUNTER, 499, STORE)
    read = utrn.parse(" ".join(token[i : i + 4] for i in range(0, 20, 4)))
    assert read.pounds == 4.99
    assert utrn.build(read.counter_bits, read.value_class, read.value, read.mac) == token
    for place in range(20):
        other = token[:place] + str((int(token[place]) + 1) % 10) + token[place + 1 :]
        with suppress(Malformed):
            assert not utrn.parse(other).digit_ok


@pytest.mark.parametrize("digits", ["", "12", "1" * 20, "x" * 20, "9" * 20 + "1"])
def test_what_is_no_token(digits):
    with pytest.raises(Malformed):
        utrn.parse(digits)
    assert "UTRN" in utrn.describe(digits) or digits in utrn.describe(digits)


def test_tokens_of_the_reference_test_data_set(shared):
    store = rtds.keystore(shared)
    tokens, authentic = set(), set()
    for name, octets in rtds.messages(shared).items():
        message = dissect_message(octets, store)
        plain = octets + b"".join(message.buffers.values())
        for digits in re.findall(rb"(?<![0-9])[0-9]{20}(?![0-9])", plain):
            try:
                token = utrn.parse(digits.decode())
            except Malformed:
                continue
            tokens.add(token.digits)
            assert token.digit_ok, (name, digits)
            facts = message.facts
            if facts["cra"] != "command":
                continue
            ends = bytes.fromhex(facts["originator"]), bytes.fromhex(facts["recipient"])
            if utrn.authenticate(token, *ends, facts["originator_counter"], store) == "valid":
                authentic.add(token.digits)
    print(len(tokens), "tokens above the base,", len(authentic), "authenticate")
    # the whole set has nine above the base, of which the shared part holds four
    assert len(tokens) in (4, 9) and len(authentic) == 3


def test_a_token_in_a_command_says_its_value():
    message = dissect_message(own.octets("cs01a-command"), STORE)
    said = [leaf.meaning for f in message.fields for leaf in f.leaves() if "UTRN" in str(leaf.meaning)]
    assert len(said) == 1 and "25.00 GBP, check digit ok" in said[0]
    expected = next(r for r in own.rows() if r["id"] == "cs01a-command")["expected"]["utrn"]
    assert [row["value"] for row in message.items] == [expected]
