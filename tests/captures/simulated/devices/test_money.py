"""Money in the simulated home: prices and credit share their trailing digits, and tokens can be read."""

from pathlib import Path

from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from dissectors.gbcs import utrn
from tests.key_files import key_file


def test_prices_credit_and_tokens(tmp_path: Path) -> None:
    han = simulate("prepayment", seed=5, seconds=1500)
    write_han(han, tmp_path / "a.pcapng")
    keys = key_file(tmp_path / "keys.toml", keys_text(han))
    decoded = decode(str(tmp_path / "a.pcapng"), read_keys(str(keys)))
    rows = decoded.commands
    said = {name: rows[rows["field"] == name] for name in ("price", "top_up_value", "credit_remaining")}
    assert set(said["price"]["scaled"]) == {0.2835} and set(said["price"]["unit"]) == {"GBP/kWh"}
    assert set(said["top_up_value"]["scaled"]) == {10.0}
    assert set(said["credit_remaining"]["scaled"]) == {25.23}
    read = decoded.attributes.query("attribute_name == 'CreditRemaining' and status == 0")
    assert set(read["scaled"]) <= {15.23, 25.23} and set(read["unit"]) == {"GBP"}
    for digits in rows[rows["field"] == "top_up_code"]["meaning"]:
        token = utrn.parse(digits)
        assert token.digit_ok and token.pounds == 10.0
