"""Filter expressions: what they choose, and how they are refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.views.filters import FilterError, parse_filter


def rows() -> pd.DataFrame:
    table = pa.table(
        {
            "frame": pa.array([1, 2, 3, 4], pa.uint64()),
            "protocol": pa.array(["ZCL", "ZigBee NWK", "ZCL", None]).dictionary_encode(),
            "nwk_src": pa.array([0x1234, 0, None, 7], pa.uint16()),
            "nwk_src_eui64": pa.array([0x90B3D5FFFE0000A0, None, 1, 2], pa.uint64()),
            "fcs_ok": pa.array([True, False, None, True]),
            "rssi": pa.array([-40, -90, -60, None], pa.int8()),
            "summary": pa.array(["Metering: Report", "Link Status", "Price", 'a "b"']).dictionary_encode(),
            "time": pa.array([10, 20, 30, 40], pa.timestamp("ns", "UTC")),
        }
    )
    return table.to_pandas(types_mapper=pd.ArrowDtype)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("protocol == ZCL", [1, 3]),
        ("protocol == ZCL and nwk_src == 0x1234", [1]),
        ("protocol == 'ZigBee NWK' or frame >= 4", [2, 4]),
        ("protocol == ZCL or frame == 2 and nwk_src == 0", [1, 2, 3]),
        ("(protocol == ZCL or frame == 2) and nwk_src == 0", [2]),
        ("not protocol == ZCL", [2, 4]),
        ("protocol != ZCL", [2]),
        ('summary contains "report"', [1]),
        ("summary matches '^(link|price)'", [2, 3]),
        ('summary contains "\\"b"', [4]),
        ("nwk_src in (0, 0x7)", [2, 4]),
        ("nwk_src", [1, 2, 4]),
        ("fcs_ok", [1, 4]),
        ("fcs_ok == false", [2]),
        ("rssi < -50", [2, 3]),
        ("nwk_src_eui64 == 90:b3:d5:ff:fe:00:00:a0", [1]),
        ("nwk_src_eui64 == '90b3d5fffe0000a0'", [1]),
        ("nwk_src == ZCL", []),
        ("time > '1970-01-01T00:00:00.000000025'", [3, 4]),
    ],
)
def test_chosen(text: str, expected: list[int]) -> None:
    table = rows()
    mask = parse_filter(text, table.columns).mask(table)
    assert mask.dtype == np.bool_
    assert table.frame[mask].tolist() == expected


ADDRESSES = {
    "nwk_src": ["1234", "0012", None, "fff9"],
    "nwk_src_eui64": ["90b3d5fffe0000a0", None, "0000000000000001", "0022080000000001"],
    "mac_src": ["1234", "90b3d5fffe0000a0", None, "0000000000000001"],
    "source": ["Gas meter", "0x1234", "fff9", None],
}
"""Addresses as tables give them to people, and as the inspector names them."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nwk_src == 0x1234", [1]),
        ("nwk_src == '1234'", [1]),
        ("nwk_src == 4660", [1]),
        ("nwk_src == 0012", [2]),
        ("nwk_src == fff9", [4]),
        ("nwk_src >= 0xfff8", [4]),
        ("nwk_src != 0x12", [1, 4]),
        ("nwk_src in (0x12, FFF9)", [2, 4]),
        ("nwk_src contains 12", [1, 2]),
        ("nwk_src contains 0012", [2]),
        ("nwk_src matches '^f'", [4]),
        ("nwk_src", [1, 2, 4]),
        ("nwk_src == ZCL", []),
        ("nwk_src_eui64 == 90:b3:d5:ff:fe:00:00:a0", [1]),
        ("nwk_src_eui64 == '90-B3-D5-FF-FE-00-00-A0'", [1]),
        ("nwk_src_eui64 == 0022080000000001", [4]),
        ("nwk_src_eui64 < 0x10", [3]),
        ("mac_src == 0x90b3d5fffe0000a0 or mac_src == 1", [2, 4]),
        ("mac_src > 0xffff", [2]),
        ("source == 'Gas meter'", [1]),
        ("source contains 12", [2]),
        ("source == 0x1234", [2]),
    ],
)
def test_addresses_as_text(text: str, expected: list[int]) -> None:
    columns = {name: pa.array(values, pa.string()) for name, values in ADDRESSES.items()}
    for kind in (pa.string(), pa.dictionary(pa.int32(), pa.string())):
        made = {name: array.cast(kind) for name, array in columns.items()}
        table = pa.table({"frame": [1, 2, 3, 4], **made}).to_pandas(types_mapper=pd.ArrowDtype)
        assert table.frame[parse_filter(text, table.columns).mask(table)].tolist() == expected


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "empty"),
        ("protocl == ZCL", 0, "protocol?"),
        ("protocol ==", 11, "value"),
        ("protocol == ZCL nwk_src", 16, "and, or"),
        ("(protocol == ZCL", 16, "')'"),
        ("protocol == ZCL and", 19, "column"),
        ("summary matches '('", 16, "regular"),
        ("protocol == \x00", 11, "understood"),
        ("(" * 200, 49, "deeply"),
    ],
)
def test_refused(text: str, position: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text, rows().columns)
    assert said in str(caught.value) and abs(caught.value.position - position) <= 1
