"""Every APDU and every choice, read, shown and built again (octets put together by us)."""

import pytest

from dissectors.dlms.apdu.layouts import (
    APDU_NAMES,
    CHOSEN,
    FLAT,
    Apdu,
    build,
    build_apdu,
    read_apdu,
    read_whole_apdu,
)
from dissectors.dlms.apdu.references import Reference
from dissectors.model.errors import DissectionError
from dissectors.model.field import Field

REGISTER = "0003 0100010800ff 02"
RANGE = "01 0204 0204 120008 09060000010000ff 0f02 120000 1907e40a1907141e0000ffc480 19" + "ff" * 12 + " 0100"
TIME = "0c 07e40a1907141e0000ffc480"
CASES = {
    "get normal": f"c001c1 {REGISTER} 00",
    "get selected": f"c001c1 0007 0100630100ff 02 01 {RANGE}",
    "get next": "c002c1 00000001",
    "get list": f"c003c1 02 {REGISTER} 00 {REGISTER} 01 02 0204 0600000001 060000000a 120001 120000",
    "getr data": "c401c1 00 0600001391",
    "getr error": "c401c1 01 03",
    "getr block": "c402c1 00 00000001 00 03 010203",
    "getr block error": "c402c1 01 00000013 01 01",
    "getr list": "c403c1 02 00 1105 01 04",
    "set normal": f"c101c1 {REGISTER} 00 0600003039",
    "set first": f"c102c1 {REGISTER} 00 00 00000001 02 0910",
    "set block": "c103c1 01 00000002 01 aa",
    "set list": f"c104c1 02 {REGISTER} 00 {REGISTER} 00 02 1101 1102",
    "set list first": f"c105c1 01 {REGISTER} 00 00 00000001 00",
    "setr normal": "c501c1 00",
    "setr block": "c502c1 00000001",
    "setr last": "c503c1 00 00000002",
    "setr last list": "c504c1 02 00 03 00000003",
    "setr list": "c505c1 02 00 fa",
    "act normal": "c301c1 0046 000060030aff 01 01 0f00",
    "act next": "c302c1 00000001",
    "act list": "c303c1 02 0046 000060030aff 01 0046 000060030aff 02 02 0f00 0f00",
    "act first": "c304c1 0012 00002c0000ff 02 00 00000001 02 0202",
    "act list first": "c305c1 01 0012 00002c0000ff 02 00 00000001 02 0202",
    "act block": "c306c1 01 00000002 00",
    "actr none": "c701c1 00 00",
    "actr data": "c701c1 00 01 00 0904deadbeef",
    "actr error": "c701c1 01 01 01 02",
    "actr block": "c702c1 00 00000001 02 0102",
    "actr list": "c703c1 02 00 00 00 01 00 1105",
    "actr next": "c704c1 00000002",
    "event": f"c201 {TIME} {REGISTER} 0600000063",
    "event untimed": f"c200 {REGISTER} 0600000063",
    "push": f"0f00000001 {TIME} 0201 1105",
    "push typed time": "0f40000000 09 0c07e109130100000aff800000 0201 1105",
    "push confirm": f"1000000001 {TIME}",
    "access": f"d940000001 00 05 01{REGISTER} 02{REGISTER} 030046000060030aff01 04{REGISTER}0112 0001"
    f"05{REGISTER}011200 01 05 00 1101 0f00 00 1102",
    "accessr": "da20000001 00 00 03 1105 00 00 03 0100 0203 0300",
    "accessr with list": f"da20000001 {TIME} 01 01 01{REGISTER} 01 1105 01 0100",
    "read": "05 06 02fa00 03fa000100 04fa08011200 01 050002 060000020 1aa 07010003",
    "readr": "0c 04 001105 0103 020100010 1aa 030001",
    "write": "06 01 02fa08 01 1105",
    "unconfirmed write": "16 01 02fa08 01 1105",
    "writer": "0d 03 00 0103 020001",
    "report": "18 00 01 02fa08 01 0600000008",
    "timed report": "18 01 0f 32303230313032353230333030305a 01 02fa08 01 0600000008",
    "initiate": "01 01 02 aabb 01 00 01 05 06 5f1f0400007e1f 04b0",
    "initiate short": "01 00 00 00 06 5f0400181a20 0000",
    "initiater": "08 01 00 06 5f1f0400001e1d 04c8 0007",
    "service error": "0e 01 06 03",
    "exception": "d8 01 02",
    "exception counter": "d8 01 06 00000123",
    "gbt": "e0 c1 0002 0001 03 010203",
    "gbt ack": "e0 01 0003 0002 00",
    "general glo": "db 08 4d4d4d0000bc614e 08 20 00000001 aabbcc",
    "general ded": "dc 00 12 30 00000001 aa" + "bb" * 12,
    "general ciphering": "dd 01 01 02 0203 00 00 00 00 06 20 00000001 aa",
    "identified": "dd 00 00 00 00 00 01 00 01 06 20 00000001 aa",
    "wrapped": "dd 00 00 00 00 00 01 01 00 02 aabb 06 20 00000001 aa",
    "agreed": f"dd 00 00 00 {TIME} 00 01 02 01 02 00 06 21 00000001 aa",
    "signing": "df 01 01 02 0203 02 0405 00 00 03 c50100 02 aabb",
    "signing unsigned": "df 09 010000000000000001 00 00 00 00 03 c50100",
    "aarq": "60 1d a109060760857405080101 be10040e01000000065f1f0400007e1f04b0",
    "aarq full": "60 2d a109060760857405080101 8a020780 8b0760857405080201 ac0a80083132333435363738"
    "a803020105 80020284",
    "aare": "61 1e a109060760857405080101 a203020101 a305a103020102 a503020100 bd00",
    "rlrq": "62 03 800100",
    "rlre": "63 00",
    "glo": "c8 12 20 01234567 411312ff935a47566827c467bc",
}


def octets(case: str) -> bytes:
    return bytes.fromhex(case.replace(" ", ""))


def covered(field: Field, start: int, end: int) -> bool:
    position = start
    for leaf in field.leaves():
        if leaf.offset != position:
            return False
        position += leaf.length
    return position == end


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_read_show_and_build(case: str) -> None:
    data = octets(case)
    apdu = read_whole_apdu(data)
    assert build(apdu) == data
    assert covered(apdu.field(), 0, len(data))
    assert apdu.octets == data


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_truncation_and_every_trailing_octet_is_refused(case: str) -> None:
    data = octets(case)
    for end in range(len(data)):
        if data[0] == 0xDF and end == len(octets(CASES["signing unsigned"])) - 4:
            continue
        try:
            read_whole_apdu(data, 0, end)
        except DissectionError as error:
            assert error.layer.startswith("dlms.")
            assert 0 <= error.offset <= end
        else:
            assert data[0] == 0xDF, "only a general-signing may lack its last field"
    with pytest.raises(DissectionError):
        read_whole_apdu(data + b"\x55")


def test_every_choice_of_every_apdu_has_a_case() -> None:
    seen = {(a.tag, a.type) for a in map(read_apdu, map(octets, CASES.values()))}
    ciphered = {tag for tag, name in APDU_NAMES.items() if name.startswith(("glo-", "ded-"))}
    assert {tag for tag, _ in seen} | ciphered >= set(APDU_NAMES)
    assert {(tag, option[0]) for tag, options in CHOSEN.items() for option in options.values()} <= seen
    assert set(FLAT) | set(CHOSEN) == set(APDU_NAMES)


@pytest.mark.parametrize(
    ("case", "layer", "offset"),
    [
        ("c401c102", "dlms.apdu", 3),
        ("c001c100080000010000ff0200ff", "dlms.apdu", 13),
        ("c001c100080000010000ff0207", "dlms.apdu", 12),
        ("c009c1", "dlms.apdu", 1),
        ("aa0000", "dlms.apdu", 0),
        ("6080", "dlms.acse", 1),
        ("d903", "dlms.apdu", 1),
        ("0f00000000055500", "dlms.apdu", 5),
        ("01000000065e1f0400007e1f04b0", "dlms.apdu", 5),
        ("c403c1820100", "dlms.apdu", 3),
    ],
)
def test_malformed_apdus_are_refused_where_they_break(case: str, layer: str, offset: int) -> None:
    with pytest.raises(DissectionError) as caught:
        read_whole_apdu(octets(case))
    assert (caught.value.layer, caught.value.offset) == (layer, offset)


def test_built_from_plain_values() -> None:
    values = {
        "long_invoke_id_and_priority": 0x200003E9,
        "date_time": b"",
        "specifications": [
            {"choice": "get", "attribute": Reference(3, "1-0:1.8.0.255", 2)},
            {"choice": "action", "method": (70, "0-0:96.3.10.255", 1)},
        ],
        "values": [("null", None), ("integer", 0)],
    }
    data = build_apdu("access-request", values)
    apdu: Apdu = read_whole_apdu(data)
    assert data.hex() == "d9200003e9000201" + "00030100010800ff02" + "030046000060030aff01" + "02000f00"
    assert apdu.values["specifications"][0]["attribute"] == Reference(3, "1-0:1.8.0.255", 2)
    assert build(apdu) == data
