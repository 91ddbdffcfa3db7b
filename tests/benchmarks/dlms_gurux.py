"""PDUs a second: ours against the Gurux translator, the same APDUs, one run, one core.

    python -m tests.benchmarks.dlms_gurux [vectors.jsonl]

Gurux (PyPI: gurux-dlms, GPL-2) is no dependency; where it is absent only our figures are printed. Only APDUs that
Gurux turns into something are timed, so that neither side is paid for failing. Three levels of ours:
`rows` decodes to named values (object, OBIS code, attribute, value, unit, result), `message` makes the whole
`Message` with its field tree, `json` its JSON text too, as the translator gives XML text.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dissectors.dlms import Association, dissect_message
from dissectors.dlms.items.bulk import named_values

ROUNDS = 5


def load(path: Path) -> list[bytes]:
    """Positive raw APDUs without protection: what both sides can decode from the octets alone."""
    vectors = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        bytes.fromhex(v["hex"])
        for v in vectors
        if v["transport"] == "apdu"
        and not v["keys"]
        and not ("error" in v["expected"] and "apdu" not in v["expected"])
    ]


def gurux() -> Callable[[bytes], Any] | None:
    """The translator's PDU-to-XML function; None when Gurux is not installed."""
    try:
        from gurux_dlms import GXDLMSTranslator
        from gurux_dlms.enums.TranslatorOutputType import TranslatorOutputType
    except ImportError:
        return None
    translator = GXDLMSTranslator(TranslatorOutputType.SIMPLE_XML)
    return translator.pduToXml


def works(function: Callable[[bytes], Any], octets: bytes) -> bool:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return bool(function(octets))
        except Exception:
            return False


def rate(function: Callable[[bytes], Any], pdus: list[bytes], seconds: float = 0.5) -> float:
    """PDUs a second of process time, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            for pdu in pdus:
                function(pdu)
            count += len(pdus)
        best = max(best, count / spent)
    return best


def main() -> int:
    shared = Path(os.environ.get("HANSCOPE_SHARED", "../shared"))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "vectors" / "dlms" / "vectors.jsonl"
    pdus = load(path)
    rival = gurux()
    if rival is None:
        print("gurux-dlms is not installed (pip install gurux-dlms): no ratio, our figures only")
    else:
        known = len(pdus)
        pdus = [pdu for pdu in pdus if works(rival, pdu)]
        print(f"Gurux decodes {len(pdus)} of {known} plain APDUs; those are timed")
    size = sum(map(len, pdus)) / len(pdus)
    print(f"{len(pdus)} APDUs, {size:.0f} octets on average")
    memory = Association()
    ours: dict[str, Callable[[bytes], Any]] = {
        "rows": lambda pdu: named_values(pdu, memory),
        "message": lambda pdu: dissect_message(pdu, transport="apdu"),
        "json": lambda pdu: dissect_message(pdu, transport="apdu").json_text(),
    }
    base = rate(rival, pdus) if rival else None
    if base:
        print(f"{'gurux translator':18} {base:10.0f} PDU/s")
    for name, function in ours.items():
        figure = rate(function, pdus)
        ratio = f"   {figure / base:6.1f} x gurux" if base else ""
        print(f"{'hanscope ' + name:18} {figure:10.0f} PDU/s{ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
