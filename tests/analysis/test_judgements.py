"""Limits of rules are parameters, which a profile may change, with what they rest on; what is still a number in the code of a
rule is listed here."""

import ast
import csv
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from analysis.rules.registry import rules

RULES = Path(__file__).parents[2] / "analysis" / "rules"
PLAIN = {0, 1, 2, -1, 0.5, 100, 256, 16, 8, 60, 3600, 86_400, 10**9, 1e6, 1e3}
"""Nothing, one, two, halves; powers and hours that make units."""


def judgements() -> list[dict[str, str]]:
    text = (resources.files("analysis.rules.compliance") / "profiles" / "judgements.csv").read_text("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def test_each_judgement_is_a_parameter_of_its_rule() -> None:
    known = {one.id: one.parameters for one in rules()}
    for row in judgements():
        assert float(row["value"]) == float(known[row["rule"]][row["parameter"]]), row
        assert row["source"], row


def numbers_left(path: Path) -> Iterator[str]:
    """Lines on which a number stands beside a comparison or a sum of a function, and not in its parameters."""
    text = path.read_text("utf-8")
    lines = text.splitlines()
    for function in (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef)):
        for statement in function.body:
            for node in ast.walk(statement):
                sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
                sides += [node.left, node.right] if isinstance(node, ast.BinOp) else []
                for one in sides:
                    number = isinstance(one, ast.Constant) and type(one.value) in (int, float)
                    if number and one.value not in PLAIN:  # type: ignore[attr-defined]
                        yield f"{path.parent.name}/{path.stem}: {lines[one.lineno - 1].strip()}"


def test_what_stays_a_number_is_listed() -> None:
    found = {
        line
        for room in ("anomalies", "compliance")
        for path in (RULES / room).glob("*.py")
        for line in numbers_left(path)
    }
    assert found == set(LEFT.strip().splitlines()), (
        "make it a parameter of the rule, and a row of judgements.csv"
    )


LEFT = """
anomalies/baselines: apart = (np.log(factor) * 0.99, deviations)
anomalies/baselines: for place in range(FEW[0], min(FEW[1], len(gaps) - 24)):
anomalies/baselines: rare = (gaps[:place] > 1.5 * pace).mean() >= MOST and np.median(gaps[:place]) >= 3 * pace
anomalies/baselines: steady = high - low < 0.2 * pace or (np.abs(after - pace) < 0.15 * pace).mean() >= STEADY
anomalies/baselines: steps, _ = lasting_changes(values, times, (piece, piece), (np.log(factor) * 0.99, deviations), 0.0)
anomalies/battery_drain: and PATCHY_SHARE * told <= nothing <= 0.75 * told
anomalies/beacons: clear = gaps[at] >= decibels and min(len(low), len(high)) >= 3 and swaps >= 3
anomalies/beacons: if len(values) < 6:
anomalies/beacons: names = ", ".join(f"{e:016x}" for e in ids[:4]) + (" ..." if len(ids) > 4 else "")
anomalies/interference: if 0 < foreign.sum() < 0.95 * len(rows):
anomalies/interference: if lasts > 0.8 * duration or (whole and lasts >= 0.2 * duration):
anomalies/interference: severity = "error" if usual < share / 4 and len(rest) >= minutes else None
anomalies/outliers: outlying = score > np.median(score) + 3 * scatter
anomalies/outliers: scatter = 1.4826 * np.nanmedian(np.abs(values - middle), axis=0, keepdims=True)
anomalies/outliers: scatter = max(1.4826 * float(np.median(np.abs(score - np.median(score)))), 0.01)
anomalies/rhythm: if duration <= 4 * window or len(busy) <= 8:
anomalies/rhythm: once = len(crowded) == 1 and len(fullest) * window < 0.8 * duration
anomalies/secured_frames: if not len(earlier) or counter[over].min() < earlier.max() - 64 or ahead.sum() > over.sum() + 50:
anomalies/spoofing: limit = max(decibels, 4 * scatter)
anomalies/spoofing: return float(np.mean(step > 64)) if len(step) else 0.0
anomalies/spoofing: return steps(sequence) > apart + 0.1
compliance/cbke_data: known = mask(value.str.len().isin(list(SUBJECTS))) & mask(rows["source"] >= 1 << 32)
compliance/clock: unset = [int(n) & 0b11 == 0 for n in rows["number"]]
compliance/gas_logs: bad = part[mask(here.str.len() != 4)]
compliance/gas_tunnel: rows = rows[mask(rows["data"].str[:2] == "02") & mask(rows["data"].str.len() >= 4)]
compliance/gbcs_alerts: near = mine[mask(mine["seconds"] >= row.seconds - 5) & mask(mine["seconds"] <= row.seconds + seconds)]
compliance/metering: codes, keys = pd.factorize(parts[0] << 24 | parts[1] << 8 | parts[2])
compliance/metering: kinds = [((key >> 24, key >> 8 & 0xFFFF), key & 0xFF) for key in keys.tolist()]
compliance/network: hubs = {key >> 16: eui for key, eui in view.addresses.items() if key & 0xFFFF == 0}
compliance/ota_image: first = b"".join(held[o] for o in sorted(held) if o < 56)
compliance/ota_image: if 0 not in held or len(first) < 56 or not first.startswith(FILE_ID):
compliance/routing: shorts = {int(e): int(k & 0xFFFF) for k, e in view.addresses.items()}
compliance/sub_ghz: air = (part["length"].fillna(0).to_numpy(dtype=float) + 12) * 8 / bits_per_second
compliance/sub_ghz: rows = packets[mask(packets["page"] >= 28) & packets.known("sender")]
compliance/sub_ghz: rows = rows[mask(rows["page"] >= 28) & mask(rows["aps_cluster"].notna())]
compliance/sub_ghz_changes: at for at in starts if (channel[at : at + 5] == channel[at]).all() and at + 5 <= len(channel)
compliance/tunnel_data: if number == 1 and len(part) >= 2 and first[pair] > 600:
compliance/tunnel_data: yield broken(subject, text, part["frame"], "warning" if talk or len(part) >= 3 else "info")
compliance/zigbee_modifications: rows, nibble = rows[~np.isnan(nibble)], nibble[~np.isnan(nibble)].astype(int) & 0x0F
"""
"""Masks and shifts, sizes of formats, numbers of methods, and judgements in functions that several rules share."""
