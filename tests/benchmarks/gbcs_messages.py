"""GBCS messages: reading and verifying all of them, against the bare cost of the same cryptographic calls, and
against gbcs-parser from npm where node and the package can be had.

``python -m tests.benchmarks.gbcs_messages [--rounds N] [--no-rival]``

Both sides of a pair run in turn in the same process, measured in processor time; keys and shared secrets are
made anew in every round (cold caches).
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.trust.keystore import AGREEMENT, SIGNATURE

ROOT = Path(__file__).parent.parent.parent
RTDS = Path(os.environ.get("HANSCOPE_SHARED", ROOT.parent / "shared")) / "vectors" / "rtds"
OWN = ROOT / "tests" / "vectors" / "gbcs"
RIVAL = Path(__file__).parent / "gbcs_parser.mjs"
PACKAGE = "@smartdcc/gbcs-parser"


def material() -> tuple[str, list[bytes], Path]:
    """Name, messages and keystore folder: the reference test data set where it is, else our own vectors."""
    if RTDS.is_dir():
        files = sorted((RTDS / "messages").glob("**/*.HEX"))
        return "RTDS", [bytes.fromhex(f.read_text().strip()) for f in files], RTDS / "keystore"
    rows = (OWN / "messages.jsonl").read_text().splitlines()
    return "own vectors, 20 times", [bytes.fromhex(json.loads(r)["hex"]) for r in rows] * 20, OWN / "keystore"


def keystore(folder: Path) -> Keystore:
    """A fresh keystore: nothing of it has been used."""
    store = Keystore()
    for file in sorted(folder.iterdir()):
        store.add(file.read_bytes(), file.name)
    return store


Call = Callable[[], object]


class Bare:
    """The cryptographic calls that verifying and opening `messages` takes, and nothing else."""

    def __init__(self, messages: list[GbcsMessage], store: Keystore) -> None:
        self.points: dict[bytes, bytes] = {}
        self.signatures: list[tuple[bytes, bytes, bytes]] = []
        self.pairs: dict[tuple[bytes, bytes], tuple[int, bytes]] = {}
        self.tags: list[tuple[tuple[bytes, bytes], bytes, bytes, bytes]] = []
        for message in messages:
            self._note(message, store)

    def _note(self, message: GbcsMessage, store: Keystore) -> None:
        layout, facts = message.layout, message.facts
        if facts["signature"] == "valid":
            self.points[layout.originator] = store._points[layout.originator, SIGNATURE][0]
            raw = layout.raw_signature
            self.signatures.append((layout.originator, raw, layout.signed_octets))
        if facts["mac"] == "valid" and layout.ciphering is not None and layout.mac is not None:
            broker = bytes.fromhex(facts.get("access_control_broker", layout.originator.hex()))
            body = message.octets[layout.ciphering + 5 : layout.mac]
            info = bytes((layout.cra,)) + layout.counter.to_bytes(8, "big") + layout.recipient
            self._tag(store, (broker, layout.recipient), layout.originator, info, body)
        for plain in message.opened.plain:
            if plain is not None:
                party = layout.supplementary_party or layout.recipient
                self._tag(store, (layout.originator, party), layout.originator, bytes(17), plain)

    def _tag(
        self, store: Keystore, pair: tuple[bytes, bytes], originator: bytes, info: bytes, body: bytes
    ) -> None:
        if pair not in self.pairs:
            one, other = pair if store._scalars.get((pair[0], AGREEMENT)) else pair[::-1]
            scalar = store._scalars[one, AGREEMENT][0]
            self.pairs[pair] = (scalar, store._points[other, AGREEMENT][0])
        self.tags.append((pair, originator, info, body))

    def run(self) -> None:
        """Every call once; keys are parsed and secrets agreed once for each key and pair."""
        curve, scheme = ec.SECP256R1(), ec.ECDSA(SHA256())
        keys = {e: ec.EllipticCurvePublicKey.from_encoded_point(curve, p) for e, p in self.points.items()}
        secrets = {}
        for pair, (scalar, point) in self.pairs.items():
            public = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
            secrets[pair] = ec.derive_private_key(scalar, curve).exchange(ec.ECDH(), public)
        for entity, raw, data in self.signatures:
            r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            keys[entity].verify(encode_dss_signature(r, s), data, scheme)
        for pair, originator, info, body in self.tags:
            key = sha256(secrets[pair] + originator + info).digest()[:16]
            AESGCM(key).encrypt(originator + bytes(4), b"", body)


def _read_all(messages: list[bytes], store: Keystore) -> None:
    for octets in messages:
        dissect_message(octets, store)


def spent(work: Call) -> float:
    """Processor seconds of `work`."""
    start = time.process_time()
    work()
    return time.process_time() - start


def against_bare(messages: list[bytes], folder: Path, rounds: int) -> Iterator[str]:
    """Ours and the bare calls in turn, cold; then ours without keys, and with the whole tree."""
    store = keystore(folder)
    bare = Bare([dissect_message(octets, store) for octets in messages], store)
    ours, theirs = [], []
    for _ in range(rounds):
        fresh = keystore(folder)
        ours.append(spent(partial(_read_all, messages, fresh)))
        theirs.append(spent(bare.run))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    count = len(messages)
    yield f"read and verified, cold: {count / median(ours):,.0f} messages/s of processor time"
    yield f"the same {len(bare.signatures)} signatures and {len(bare.tags)} tags bare: {count / median(theirs):,.0f}/s"
    yield f"ratio {median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"
    plain = [spent(lambda: [dissect_message(octets) for octets in messages]) for _ in range(rounds)]
    yield f"read without keys: {count / median(plain):,.0f} messages/s"
    whole = [spent(lambda: [dissect_message(octets, store).fields for octets in messages]) for _ in range(2)]
    yield f"read, verified and described to the last leaf: {count / min(whole):,.0f} messages/s"
    text = [
        spent(lambda: [len(dissect_message(octets).json_text()) for octets in messages]) for _ in range(3)
    ]
    yield f"read without keys, whole trees and items as JSON text: {count / min(text):,.0f} messages/s"


def against_rival(messages: list[bytes], folder: Path, rounds: int) -> Iterator[str]:
    """gbcs-parser on the same messages in the same run, warm, in its own process."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        yield "gbcs-parser: no node here"
        return
    place = Path(tempfile.mkdtemp(prefix="hanscope-rival-"))
    try:
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), PACKAGE]
        made = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        if made.returncode:
            yield f"gbcs-parser: npm cannot install {PACKAGE} here"
            return
        _describe_material(place, messages, folder)
        shutil.copy(RIVAL, place / "run.mjs")
        ran = subprocess.run(
            ["node", "run.mjs", str(rounds)],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if ran.returncode:
            yield f"gbcs-parser: {ran.stderr.strip().splitlines()[-1] if ran.stderr else 'failed'}"
            return
        theirs = json.loads(ran.stdout)
        store = keystore(folder)
        for name, keys in (("verified", store), ("plain", None)):
            rate = _wall_rate(messages, keys, rounds)
            yield f"{name}: ours {rate:,.0f}/s, gbcs-parser {theirs[name]:,.0f}/s: {rate / theirs[name]:.1f} times"
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _wall_rate(messages: list[bytes], store: Keystore | None, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for octets in messages:
            dissect_message(octets, store)
        best = min(best, time.perf_counter() - start)
    return len(messages) / best


def _describe_material(place: Path, messages: list[bytes], folder: Path) -> None:
    """Messages and keys in a form that the rival's key look-up can use."""
    keys: list[dict[str, str]] = []
    for file in sorted(folder.glob("*.pem")):
        parts = file.stem.split("-")
        if len(parts) == 2:
            keys.append({"eui": parts[0], "type": parts[1].upper(), "pem": file.read_text()})
    for scalars in folder.glob("*.csv"):
        keys += list(_private(scalars))
    texts = [base64.b64encode(octets).decode() for octets in messages]
    (place / "material.json").write_text(json.dumps({"messages": texts, "keys": keys}))


def _private(scalars: Path) -> Iterator[dict[str, str]]:
    from cryptography.hazmat.primitives import serialization

    for row in csv.DictReader(scalars.read_text().splitlines()):
        if row["cell_usage"] != "management":
            continue
        private = ec.derive_private_key(int(row["p256_scalar_hex"], 16), ec.SECP256R1())
        text = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        kind = "DS" if row["key_usage"] == SIGNATURE else "KA"
        yield {"eui": row["entity_id"], "type": kind, "pem": text, "private": "yes"}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gbcs_messages")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-rival", action="store_true")
    arguments = parser.parse_args()
    name, messages, folder = material()
    print(f"{len(messages)} messages, {sum(map(len, messages)):,} octets ({name})")
    for line in against_bare(messages, folder, arguments.rounds):
        print(line, flush=True)
    if not arguments.no_rival:
        for line in against_rival(messages, folder, arguments.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
