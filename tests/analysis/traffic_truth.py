"""How well the use of frames is told without keys, held against what the same frames say with keys.

python -m tests.analysis.traffic_truth        # writes docs/traffic_inference.md"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.features.inference import KINDS, infer
from analysis.features.view import View
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han

PAGE = Path(__file__).parents[2] / "docs" / "traffic_inference.md"
PLAYED = (
    ("prepayment", 61, None),
    ("firmware-update", 62, None),
    ("install-day", 63, None),
    ("ordinary-day", 64, 14_400),
)
KEEP_ALIVE, OTA, TUNNELING, PREPAYMENT = 0x0025, 0x0019, 0x0704, 0x0705


def truth(packets: pd.DataFrame) -> pd.Series:
    """What each frame is, read with all keys: one of `KINDS`, or ``other``; by frame number."""
    words = {
        name: packets[name].astype(object) for name in ("aps_type", "zcl_type", "nwk_type", "nwk_security")
    }
    numbers = {name: packets[name].astype("Int64") for name in ("aps_cluster", "zcl_command", "mac_command")}

    def where(condition: Any) -> Any:
        return condition.fillna(False).to_numpy(dtype=bool)

    data, cluster, command = (
        where(words["aps_type"] == "data"),
        numbers["aps_cluster"],
        numbers["zcl_command"],
    )
    general = data & where(words["zcl_type"] == "general")
    unsecured = where(words["nwk_security"] == "none") & where(words["nwk_type"] == "data")
    out = pd.Series("other", index=packets["frame"].astype("int64").to_numpy(), dtype=object)
    reads = general & where(command.isin([0, 1]))
    for kind, which in (
        ("acknowledgement", where(words["aps_type"] == "ack")),
        ("read", reads),
        ("keep-alive", reads & where(cluster == KEEP_ALIVE)),
        ("report", general & where(command == 0x0A)),
        ("firmware", data & where(cluster == OTA)),
        ("tunnel", data & where(cluster == TUNNELING)),
        ("top-up", data & where(cluster == PREPAYMENT) & where(command.isin([3, 4])) & ~general),
        ("poll", where(numbers["mac_command"] == 4)),
        (
            "join",
            where(numbers["mac_command"].isin([1, 2]))
            | (unsecured & where(packets["nwk_dst"].astype("str") < "fff8")),
        ),
    ):
        out[which] = kind
    return out


def compared(scenario: str, seed: int, seconds: float | None) -> pd.DataFrame:
    """Per kind: how many frames are of it, how many were told, how many of those rightly."""
    han = simulate(scenario, seed=seed, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = Path(folder) / "han.pcapng", Path(folder) / "keys.toml"
        write_han(han, capture)
        keys.write_text(keys_text(han), encoding="utf-8")
        real = truth(decode(str(capture), read_keys(keys)).packets)
        told = infer(View.of(decode(str(capture))))
    guess = told.drop_duplicates("frame").set_index("frame")["kind"]
    right = guess[guess == real.reindex(guess.index)]
    counts = [series.value_counts().reindex(list(KINDS), fill_value=0) for series in (real, guess, right)]
    return pd.DataFrame(dict(zip(("are", "told", "right"), counts, strict=True)))


def document(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    yield from (
        "# Traffic without keys", "",
        "What an observer tells from lengths, directions and times alone (`analysis/features/inference.py`), held against what the",
        "same frames say with all keys, in simulated homes; written by `python -m tests.analysis.traffic_truth`. Lengths",
        "follow from the tables of ZCL and Smart Energy; a real home has other devices and worse reception.", "",
    )  # fmt: skip
    yield from (
        "| use | told by | said to be sure | precision | recall | frames |",
        "|---|---|---|---|---|---|",
    )
    total = sum(tables.values())
    for name, kind in KINDS.items():
        are, told, right = (int(total.loc[name, column]) for column in ("are", "told", "right"))  # type: ignore[union-attr]
        precision, recall = (f"{right / n:.0%}" if n else "-" for n in (told, are))
        yield f"| {name} | {kind.by} | {kind.confidence:.0%} | {precision} | {recall} | {are:,} |"
    played = ", ".join(f"{name} (seed {seed})" for name, seed, _ in PLAYED)
    yield from ("", f"Played: {played}.", "")


def main() -> None:
    tables = {name: compared(name, seed, seconds) for name, seed, seconds in PLAYED}
    PAGE.write_text("\n".join(document(tables)), encoding="utf-8")
    print(PAGE.read_text("utf-8"))


if __name__ == "__main__":
    main()
