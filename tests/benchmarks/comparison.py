"""Rivals side by side, by probes in one run: writes docs/comparison.md.

    python -m tests.benchmarks.comparison [--packages FOLDER]

Scapy, pyshark, Gurux and dlms-cosem come from PyPI into a virtual environment of their own (uv or pip), tshark is what the
machine has. A probe is a piece of Python that prints what it found; one that raises says which error. Each runs in a process
of its own, over the project's own sample; nothing is asserted of a rival that did not run here.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparison.md"
SAMPLE = ROOT / "captures" / "samples" / "install-day.pcapng"
PACKAGES = ("scapy", "pyshark", "gurux-dlms", "dlms-cosem")
TOOLS = ("hanscope", "tshark", "Scapy", "pyshark", "Gurux", "dlms-cosem")
GET = "c401c1000204110309060000010000ff0f011200ff"
"""A GET response: a structure of four values."""
SIGNED = "df09aa0000000000000001080000000000000002080000000000000003000000020100"
"""The beginning of a general-signing APDU, cut off."""
BEFORE = "SAMPLE, PLAIN, GET, SIGNED = {sample!r}, {plain!r}, {get!r}, {signed!r}\n"
"""What every probe has: the capture, and a copy of link type 195, which Scapy reads (it has no TAP)."""
TSHARK = """
import subprocess
def fields(filter, *names, keys=()):
    words = ["tshark", "-r", SAMPLE, "-Y", filter, "-T", "fields", "-e", "frame.number"]
    for name in names: words += ["-e", name]
    for key in keys: words += ["-o", 'uat:zigbee_pc_keys:"%s","Normal","k"' % key]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
"""
PYSHARK = "import pyshark\n"
HANSCOPE = "import hanscope as hs\nKEYS = SAMPLE.replace('.pcapng', '.keys.toml')\n"
SCAPY = """
from scapy.config import conf; conf.dot15d4_protocol = "zigbee"
from scapy.all import rdpcap
from scapy.layers.dot15d4 import *
from scapy.layers.zigbee import *
"""
TIMED = """
import time
def rate(once):
    best = 0
    for _ in range(3):
        begun, count = time.process_time(), 0
        while time.process_time() - begun < 0.4: once(); count += 1
        best = max(best, count / (time.process_time() - begun))
    print(f"{best:,.0f}")
"""
APDU = {
    "hanscope": "from dissectors.dlms import dissect_message\n"
    "read = lambda octets: dissect_message(octets)\n",
    "Gurux": "from gurux_dlms import GXDLMSTranslator\nfrom gurux_dlms.enums.TranslatorOutputType import TranslatorOutputType as T\n"
    "import io, contextlib\ntranslator = GXDLMSTranslator(T.SIMPLE_XML)\nread = lambda octets: translator.pduToXml(octets)\n",
    "dlms-cosem": "from dlms_cosem.connection import XDlmsApduFactory\nread = XDlmsApduFactory.apdu_from_bytes\n",
}
ROWS: list[tuple[str, dict[str, str]]] = [
    (
        "Frames of the sample that it names as ZigBee NWK",
        {
            "hanscope": HANSCOPE + "print((hs.open(SAMPLE).packets.nwk_type.notna()).sum())",
            "tshark": TSHARK + "print(len(fields('zbee_nwk')))",
            "Scapy": SCAPY + "print(sum(ZigbeeNWK in one for one in rdpcap(PLAIN)))",
            "pyshark": PYSHARK + "print(sum(1 for _ in pyshark.FileCapture(SAMPLE, display_filter='zbee_nwk')))",
        },
    ),
    (
        "ZCL payloads read, with the network and link keys of the sample's key file",
        {
            "hanscope": HANSCOPE + "print(hs.open(SAMPLE, keys=KEYS).packets.zcl_type.notna().sum())",
            "tshark": TSHARK + "import tomllib; told = tomllib.load(open(SAMPLE.replace('.pcapng', '.keys.toml'), 'rb'))\n"
            "keys = {v for part in told.values() if isinstance(part, list) for one in part for v in one.values()"
            " if isinstance(v, str) and len(v) == 32}\n"
            "print(len(fields('zbee_zcl', keys=keys)))",
            "Scapy": SCAPY + "print(sum(ZigbeeClusterLibrary in one for one in rdpcap(PLAIN)))",
        },
    ),
    (
        "A GET response (structure of four values) to values",
        {
            name: APDU[name] + "said = read(bytes.fromhex(GET)); print('yes' if said else 'no')"
            for name in APDU
        },
    ),
    (
        "The same, APDUs a second of processor time",
        {name: APDU[name] + TIMED + "octets = bytes.fromhex(GET); rate(lambda: read(octets))" for name in APDU},
    ),
    (
        "A general-signing APDU that breaks off: an answer, or which error",
        {
            name: APDU[name] + "said = read(bytes.fromhex(SIGNED)); print('an answer' if said else 'nothing')"
            for name in APDU
        },
    ),
]  # fmt: skip
BETTER = """
## What each does better than hanscope

Of their documents, not measured here:

| tool | better at | source |
|---|---|---|
| tshark, Wireshark | thousands of protocols; capture on nearly any interface; display filters on every field of them; a window that people know | <https://www.wireshark.org/docs/wsug_html_chunked/> |
| Scapy | frames made, changed and sent in a line; answering machines; fuzzing of stacks | <https://scapy.readthedocs.io/en/latest/usage.html> |
| pyshark | all of tshark's dissectors as Python objects, live captures too | <https://github.com/KimiNewt/pyshark> |
| Gurux | a client and a server of DLMS/COSEM: associates with meters, reads and writes their objects, over serial lines, TCP, UDP, HDLC | <https://github.com/Gurux/gurux.dlms.python> |
| dlms-cosem | a client for meters as a state machine without I/O, with HDLC and TCP transports; a plain APDU faster than hanscope (above: no tree, no places of octets) | <https://github.com/u9n/dlms-cosem> |

GBCS messages, feature by feature: [features.md](features.md). Speed on captures: [performance.md](performance.md). Captures to DLMS
clients and back: hanscope reads what was said and never speaks to a meter.
"""


def environment(folder: Path) -> Path:
    """The Python that has the rivals."""
    python = folder / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        subprocess.run([*make, folder], check=True)
        add = (
            [uv, "pip", "install", "--quiet", "--python", python]
            if uv
            else [python, "-m", "pip", "install", "-q"]
        )
        subprocess.run([*add, *PACKAGES], check=True)
    return python


def probed(python: Path, tool: str, code: str, before: str) -> str:
    """What a probe prints, or the name of its error."""
    own = tool == "hanscope"
    words = [sys.executable if own else str(python), "-W", "ignore", "-c", before + code]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=ROOT if own else "/", timeout=600
        )
    except subprocess.TimeoutExpired:
        return "no end in ten minutes"
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "nothing"
    return f"error: {done.stderr.strip().splitlines()[-1].partition(':')[0]}"


def versions(python: Path) -> str:
    """What was compared."""
    code = f"import importlib.metadata as m; print(*(n + ' ' + m.version(n) for n in {PACKAGES!r}), sep=', ')"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    tshark = subprocess.run(
        ["tshark", "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    return f"{told}; {tshark.rstrip('.')}; Python {sys.version.split()[0]}"


def main() -> int:
    """Run every probe and write the page."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument(
        "--packages", type=Path, help="where the rivals are, or are to be; else a folder that goes"
    )
    given = reader.parse_args().packages
    with tempfile.TemporaryDirectory() as temporary:
        python = environment(given or Path(temporary) / "rivals")
        plain = str(Path(temporary) / "plain.pcap")
        subprocess.run(
            [sys.executable, "-m", "analysis.cli", "convert", SAMPLE, plain, "--link-type", "195", "-q"],
            check=True,
        )
        before = BEFORE.format(sample=str(SAMPLE), plain=plain, get=GET, signed=SIGNED)
        lines = [
            "# Side by side with others", "",
            "Made by `python -m tests.benchmarks.comparison`, all in one run; a cell without anything was not asked. The capture is",
            f"`captures/samples/{SAMPLE.name}`, simulated. Versions: {versions(python)}.", "",
            f"| probe | {' | '.join(TOOLS)} |", f"|---|{'---|' * len(TOOLS)}",
        ]  # fmt: skip
        for title, probes in ROWS:
            cells = [probed(python, tool, probes[tool], before) if tool in probes else "" for tool in TOOLS]
            lines.append(f"| {title} | {' | '.join(cells)} |")
            sys.stdout.write(lines[-1] + "\n")
    PAGE.write_text("\n".join(lines) + "\n" + BETTER, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
