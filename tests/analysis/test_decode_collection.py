"""Decoding leaves Python's collection as it was, and makes no rows of tables that nobody asked for."""

import gc

from analysis.pipeline.collection import SELDOM, seldom_collected
from analysis.pipeline.decode import decode
from captures.simulated.scenarios import simulate


def test_thresholds_come_back_whether_or_not_decoding_is_nested():
    before = gc.get_threshold()
    with seldom_collected():
        with seldom_collected():
            assert gc.get_threshold() == max(SELDOM, before)
        assert gc.get_threshold() == max(SELDOM, before)
    assert gc.get_threshold() == before
    decode(simulate("ordinary-day", seconds=60))
    assert gc.get_threshold() == before


def test_packets_say_the_same_of_messages_that_no_table_is_wanted_of():
    home = simulate("proving-exercise", seed=1, seconds=600)
    whole, alone = decode(home), decode(home, tables=("packets",))
    own = "exchange"  # is told with the table of that name
    assert whole.table("packets").drop([own]).to_pylist() == alone.table("packets").drop([own]).to_pylist()
    assert whole.messages.answers.notna().any() and alone.arrow["messages"].num_rows == 0
