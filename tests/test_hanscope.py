"""`import hanscope as hs`: what a person finds first, and what it costs to import it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hanscope as hs
from analysis.pipeline.decode import DECODED_TABLES
from analysis.views.filters import FilterError

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "captures" / "samples"
HEAVY = ("pandas", "pyarrow", "scapy")


def opened(name: str) -> hs.Capture:
    return hs.open(SAMPLES / f"{name}.pcapng", keys=SAMPLES / f"{name}.keys.toml")


@pytest.fixture(scope="module")
def messages() -> hs.Capture:
    return opened("gbcs-messages")


def test_it_imports_and_defines_nothing() -> None:
    body = ast.parse((ROOT / "hanscope.py").read_text("utf-8")).body
    kinds = (ast.Expr, ast.ImportFrom)
    assert all(isinstance(one, kinds) for one in body[:-1])
    assert isinstance(body[-1], ast.Assign)  # __all__
    assert all(hasattr(hs, name) for name in hs.__all__)


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import hanscope, sys; print([m for m in sys.modules if m.split('.')[0] in {HEAVY}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_in_the_wheel() -> None:
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert {"hanscope.py", "analysis"} <= set(wheel["only-include"])
    stub = next(iter(wheel["force-include"]))  # what is moved there is no more where it was
    assert stub != "hanscope.py"
    assert (ROOT / stub).is_file()


@pytest.mark.parametrize("name", DECODED_TABLES)
def test_every_table(messages: hs.Capture, name: str) -> None:
    table = getattr(messages, name)
    assert len(table) == len(messages.decoded.table(name))
    assert list(table.columns) == messages.decoded.table(name).schema.names


def test_addresses_are_text(messages: hs.Capture) -> None:
    packets = messages.packets
    assert packets.nwk_src_eui64.dropna().str.fullmatch("[0-9a-f]{16}").all()
    assert packets.nwk_src.dropna().str.len().eq(4).all()
    assert packets.protocol.str.len().notna().any()
    assert messages.devices.eui64.dropna().str.fullmatch("[0-9a-f]{16}").all()
    beacon = opened("install-day").packets
    lengths = {m: set(r.mac_src.dropna().str.len()) for m, r in beacon.groupby("mac_src_mode", observed=True)}
    assert lengths["short"] == {4}
    assert lengths["extended"] == {16}


def test_a_frame_and_a_message_are_trees(messages: hs.Capture) -> None:
    for number in messages.messages.message:
        row = messages.messages[messages.messages.message == number].iloc[0]
        found = messages.message(int(number))
        assert list(found.frames) == list(row.frames)
        assert found.summary == row.summary
        assert len(found.items) == (messages.items.message == number).sum()
        frame = messages.frame(found.frames[-1])
        assert frame.number == found.frames[-1]
        said = messages.packets.iloc[frame.number - 1]
        assert frame.protocol == said.protocol and frame.summary == said.summary
        assert messages.message(int(said.message)).frames[-1] == frame.number
        assert said.protocol == found.content.kind.upper()
    with pytest.raises(KeyError, match="no frame 9999999"):
        messages.frame(9_999_999)
    with pytest.raises(KeyError, match="no message 9999999"):
        messages.message(9_999_999)


def test_where_is_the_filter_language(messages: hs.Capture) -> None:
    found = messages.where("nwk_src == 0x0000 and not nwk_command")
    assert set(found.nwk_src) == {"0000"}
    assert found.nwk_command.isna().all()
    assert len(messages.where("use_case == ECS66", "messages")) > 0
    with pytest.raises(FilterError):
        messages.where("no_such == 1")
    with pytest.raises(ValueError, match="no table"):
        messages.where("frame == 1", "nothing")


def test_several_captures(messages: hs.Capture, tmp_path: Path) -> None:
    both = hs.open([SAMPLES / "gbcs-messages.pcapng", SAMPLES / "install-day.pcapng"], keys=messages.given)
    assert len(both) == 2
    assert len(both.packets) == sum(len(one.packets) for one in both)
    assert set(both.messages.capture) <= {one.name for one in both}
    assert both["install-day.pcapng"].name == both[1].name
    assert len(both.check().results) == 2
    assert {path.suffix for path in both.report(tmp_path / "reports")} == {".html"}


def test_findings_are_those_of_the_command(tmp_path: Path) -> None:
    from analysis.engine.checking import check_capture
    from analysis.keys.keyfile import read_keys

    capture = opened("tampered-message")
    found = capture.check()
    told = check_capture(str(capture.source), read_keys(SAMPLES / "tampered-message.keys.toml")).result
    assert list(found) == told.findings
    assert found
    assert len(found.table()) == len(found)
    assert set(found.table().capture) == {capture.name}
    assert found[0].title.split()[0] in found._repr_html_()
    page = capture.report(tmp_path / "r.html")
    assert found[0].rule in page.read_text("utf-8")


def test_a_message_without_a_capture() -> None:
    assert hs.message("c001c100010000010000ff0200").kind == "dlms"
    assert hs.message(bytes.fromhex("c001c100010000010000ff0200")).kind == "dlms"
    broken = hs.message("DD 00")
    assert not broken.readable
    assert "truncated" in broken.summary
    with pytest.raises(ValueError, match="empty"):
        hs.message(" ")


def test_a_simulated_home_needs_no_file() -> None:
    home = hs.simulate("install-day", seconds=120)
    capture = home.open()
    frames = [row for row in home.truth if row["kind"] == "frame"]
    assert len(capture.packets) == len(frames)
    assert set(capture.packets.capture) == {"install-day"}
    with pytest.raises(ValueError, match="no scenario"):
        hs.simulate("nothing")
    with pytest.raises(ValueError, match="no fault"):
        hs.simulate("install-day", faults=["nothing"])


def test_no_secret_is_shown() -> None:
    home = hs.simulate("install-day", seconds=600)
    capture = home.open()
    keys = [row["key"] for row in home.truth if row["kind"] == "key"]
    carriers = [key.first_frame for key in capture.decoded.session.context.keyring.keys if key.first_frame]
    assert carriers
    pages = [capture.given._repr_html_(), repr(capture.given), capture._repr_html_(), capture.keys.to_html()]
    for frame in carriers:
        pages += [capture.frame(frame)._repr_html_(), str(capture.frame(frame).to_json())]
    for page in pages:
        plain = page.lower().replace(" ", "")
        assert not [key for key in keys if key in plain or bytes.fromhex(key)[::-1].hex() in plain]


def test_every_public_name_has_an_example_that_runs() -> None:
    """`make test` runs the examples (doctest)."""
    for name in hs.__all__:
        found = getattr(hs, name)
        own = found.__doc__ or ""
        members = (
            [getattr(found, one).__doc__ or "" for one in vars(found)] if isinstance(found, type) else []
        )
        assert any(">>>" in text for text in (own, *members)), name


def test_what_a_notebook_shows_of_everything() -> None:
    home = hs.simulate("ordinary-day", seconds=600, faults=["association-flood"])
    found = home.check()
    message = hs.message("c001c1000100000100 00ff0200")
    shown = (
        home,
        home.decoded,
        home.frame(1),
        message,
        found,
        found[0],
        found.verdicts[0],
        home.given,
        hs.open([home.han]),
    )
    for one in shown:
        page = one._repr_html_()
        assert page.startswith("<") and page.count("<table") == page.count("</table>"), type(one)
    assert (
        found[0].rule in found[0]._repr_html_() and found.verdicts[0].rule in found.verdicts[0]._repr_html_()
    )


def test_pages_are_escaped() -> None:
    from analysis.tables.html import block, rows_table

    assert "<script" not in block(["<script>"]) + rows_table(["<script>"], [["<script>", None]])
    assert "and 40 more" in rows_table(["n"], [[n] for n in range(100)])


def test_octets_are_one_message() -> None:
    """What stands behind a damaged message may begin like another: the octets were given as one all the same."""
    damaged = bytes.fromhex("dd000000000000051100000000") + bytes.fromhex(
        "df09010000000000000001080090b3d51f30000002"
    )
    assert not hs.message(damaged).readable and hs.message(damaged).octets == damaged
