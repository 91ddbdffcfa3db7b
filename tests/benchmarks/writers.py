"""Our writers of text against others, over the same batch: ``python -m tests.benchmarks.writers [--frames N] [--rounds N]``.

The table `packets` of a synthetic capture is decoded once, then written as CSV and as JSON lines by our writers, by
pandas, and by polars where it is installed; as CSV by pyarrow, too. All write to one file in memory, in turn; addresses are
text for all of them. Ours and each rival take turns in one process: processor time a row, medians, and how many times
faster ours is (its range). Ours are in fact doing more: texts are made printable, and a formula is none any more."""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.gbcs_messages import spent
from tests.benchmarks.traffic import key, write_pcap
from tests.key_files import key_file

Write = Callable[[], object]


def packets(frames: int) -> tuple[Any, Any]:
    """The table of a synthetic capture as it is decoded, and the same with addresses as text."""
    import pyarrow as pa

    from analysis.keys.keyfile import read_keys
    from analysis.pipeline.decode import decode
    from analysis.tables.row_form import RowForm

    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.pcap"
        write_pcap(capture, frames)
        keys = key_file(Path(folder) / "keys.toml", f'[[network_key]]\nkey = "{key(0).hex()}"\n')
        table = decode(str(capture), read_keys(keys)).arrow["packets"]
    batches = [RowForm().of("packets", batch) for batch in table.to_batches()]
    return table, pa.Table.from_batches(batches)


def ours(kind: str, table: Any) -> Write:
    """Our writer of a kind, over the batches as they are decoded."""
    from analysis.tables.text_output import Csv, JsonLines

    def write() -> None:
        writer = {"csv": Csv, "jsonl": JsonLines}[kind](io.BytesIO(), "packets")
        for batch in table.to_batches():
            writer.write(batch)
        writer.close()

    return write


def rivals(kind: str, shown: Any) -> Iterator[tuple[str, Write]]:
    """What others write of the same rows, from the form that each of them likes best."""
    import pyarrow as pa
    import pyarrow.csv

    frame = shown.to_pandas()
    if kind == "csv":
        yield "pandas", lambda: frame.to_csv(io.StringIO(), index=False)
        plain = pa.table({name: _plain(shown[name]) for name in shown.column_names})
        yield "pyarrow", lambda: pyarrow.csv.write_csv(plain, io.BytesIO())
    else:
        yield "pandas", lambda: frame.to_json(io.StringIO(), orient="records", lines=True, date_format="iso")
    if find_spec("polars"):
        known = import_module("polars").from_arrow(shown)
        write = known.write_csv if kind == "csv" else known.write_ndjson
        yield "polars", lambda: write(io.BytesIO())


def _plain(column: Any) -> Any:
    """A column whose texts are texts: pyarrow writes no dictionaries."""
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def turns(mine: Write, rival: Write, rounds: int, rows: int) -> str:
    """Both in turn: processor time a row, and how many times faster ours is."""
    pairs = [(spent(mine), spent(rival)) for _ in range(rounds)]
    ratios = sorted(b / a for a, b in pairs)
    one, other = (median(side) / rows * 1e6 for side in zip(*pairs, strict=True))
    spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
    return f"{one:.2f} us a row against {other:.2f}: **{median(ratios):.1f} times** as fast ({spread})"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.writers", description=__doc__)
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    table, shown = packets(chosen.frames)
    for kind in ("csv", "jsonl"):
        for name, write in rivals(kind, shown):
            print(f"{kind}, {name}: {turns(ours(kind, table), write, chosen.rounds, len(table))}", flush=True)


if __name__ == "__main__":
    main()
