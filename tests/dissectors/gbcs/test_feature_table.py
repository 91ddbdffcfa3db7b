"""The feature table of the README and docs/features.md: a feature is ours when its probe here passes, and not otherwise.

``HANSCOPE_WRITE=1 pytest tests/dissectors/gbcs/test_feature_table.py`` writes the document; without, the test holds
the document to what the probes say.
"""

import base64
import csv
import os
import sys
from pathlib import Path

from dissectors.gbcs import build, dissect_message, utrn
from dissectors.gbcs.correlation import correlate
from dissectors.gbcs.gbt import Block, build_blocks, read_block, reassemble
from dissectors.gbcs.inputs import read_inputs

sys.path.insert(0, str(Path(__file__).parent))
import own

DOCUMENT = Path(__file__).parents[3] / "docs" / "features.md"
README = Path(__file__).parents[3] / "README.md"
BEGIN = "<!-- gbcs features: written by tests/dissectors/gbcs/test_feature_table.py -->\n"
END = "<!-- end of gbcs features -->"
STORE = own.keystore()


def read(name, **more):
    return dissect_message(own.octets(name), STORE, **more)


def leaves(name):
    return {leaf.name: leaf.meaning for f in read(name).fields for leaf in f.leaves()}


def objects(name, **more):
    return [str(row["object"]) for row in read(name, **more).items]


def reassembled():
    octets = own.octets("ecs02-command")
    header = Block(1, 1002, own.SUPPLIER, own.ESME, 0x001A, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")
    blocks = [read_block(b) for b in build_blocks(octets, size=50, header=header)]
    return reassemble(reversed(blocks))[0].octets == octets


def token():
    octets = next(r for r in own.rows() if r["id"] == "cs01a-command")["expected"]["utrn"]
    return utrn.parse(octets)


def generated():
    made = utrn.generate(own.SUPPLIER, own.ESME, 9 << 32, 5, STORE)
    return utrn.parse(made).digit_ok


def log_columns():
    asked = build.command("ECS22b", originator=own.SUPPLIER, recipient=own.ESME, counter=9, keystore=STORE)
    command = dissect_message(asked, STORE)
    answer = dissect_message(build.response(command, keystore=STORE), STORE, command=command)
    return any("timestamp" in str(row["object"]) for row in answer.items)


def no_keys():
    return all(dissect_message(bytes.fromhex(r["hex"])).fields for r in own.rows())


def rebuilt():
    every = [bytes.fromhex(r["hex"]) for r in own.rows()]
    return all(build.build(dissect_message(o, STORE), STORE) == o for o in every)


def duis():
    text = base64.b64encode(own.octets("ecs02-command")).decode()
    found = read_inputs(f"<Response><Body><GBCSPayload>{text}</GBCSPayload></Body></Response>")
    return found[0].form == "duis"


def gfi():
    octets = own.octets("ecs02-command")
    return read_inputs(f"GBCS:DATA#1:{len(octets)}:{octets.hex()}")[0].octets == octets


def paired():
    found = correlate((float(i), read(n)) for i, n in enumerate(["ecs02-command", "ecs02-response"]))
    return found.exchanges[0].seconds == 1.0


def repeated():
    twice = [read("ecs02-command"), read("ecs02-command")]
    return correlate((None, m) for m in twice).repeats[0].kind == "same message"


def frames():
    from analysis.tables.schema import columns_of

    return set(read("ecs02-command").columns) <= set(columns_of("messages"))


PROBES = {
    "header decode": lambda: leaves("ecs02-command")["originator_counter"],
    "parses without keys": no_keys,
    "pre-command without signature octet": lambda: read("ecs02-pre-command").facts["pre_command"],
    "certificate in other-information": lambda: "public_key" in leaves("ecs66-unknown-party-command"),
    "signature verify": lambda: read("ecs02-command").facts["signature"] == "valid",
    "MAC verify": lambda: read("ecs02-command").facts["mac"] == "valid",
    "MAC with the broker found in the keystore": lambda: STORE.access_control_broker is None
    and read("ecs02-command").facts["access_control_broker"] == own.BROKER.hex(),
    "MAC of PPMID to GSME": lambda: read("pcs02-command").facts["mac"] == "valid",
    "decrypt attributes": lambda: read("gcs13c-response").facts["decrypted_parts"] == 1,
    "DER field names": lambda: leaves("cs02f-command")["role[2]"] == "loadController",
    "X.509 decode": lambda: leaves("cs02e-response")["hardware_serial_number"],
    "DLMS decode": lambda: read("ecs17b-response").items[0]["value"] == 4711,
    "OBIS names": lambda: all(objects("ecs02-command")),
    "response values labelled by object": lambda: objects("ecs17b-response")[0].startswith("ImportRegister"),
    "log buffers with column names": log_columns,
    "GBZ to attribute names": lambda: any("Tier1Summation" in o for o in objects("gcs13c-response")),
    "alert names and extra items": lambda: "executed_instruction" in str(read("ecs02-alert").to_json()),
    "UTRN parse": lambda: token().pounds == 25.0,
    "UTRN generate": generated,
    "UTRN authenticate": lambda: utrn.authenticate(token(), own.SUPPLIER, own.ESME, 77 << 32, STORE) == "valid",
    "GBT reassembly": reassembled,
    "tunnel header (GET/PUT)": lambda: dissect_message(b"\x03" + own.octets("ecs02-command")).facts["tunnel"],
    "GFI text input": gfi,
    "DUIS XML input": duis,
    "structured typed output": lambda: isinstance(read("ecs17b-response").to_json()["items"][0]["value"], int),
    "tables (data frames)": frames,
    "pairing command with response": paired,
    "originator counters checked": repeated,
    "build and sign": lambda: len(build.command(
        "ECS02", originator=own.SUPPLIER, recipient=own.ESME, counter=1, keystore=STORE)) > 100,
    "rebuilt from its values": rebuilt,
    "certificate chain and role checks": lambda: STORE.check() == [],
    "version profiles": lambda: read("cs02f-command", version="2.0").issues,
}  # fmt: skip


def table():
    path = Path(__file__).parent / "rivals.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [row["feature"] for row in rows] == list(PROBES)
    rivals = [name for name in rows[0] if name != "feature"]
    out = ["| GBCS messages | hanscope | " + " | ".join(rivals) + " |", "|---" * (len(rivals) + 2) + "|"]
    for row in rows:
        ours = "yes" if PROBES[row["feature"]]() else "no"
        out.append(f"| {row['feature']} | {ours} | " + " | ".join(row[name] for name in rivals) + " |")
    return "\n".join(out)


INTRODUCTION = """# GBCS messages: feature by feature

Made by `tests/dissectors/gbcs/test_feature_table.py`: our column says yes where the probe of that test passes. The
others were measured on the 1,275 messages of RTDS 4.5.0 or read from their source (`tests/dissectors/gbcs/rivals.csv`).

"""


def test_every_feature_is_there_and_the_documents_say_so():
    assert all(probe() for probe in PROBES.values())
    made = table() + "\n"
    before, rest = README.read_text().split(BEGIN)
    after = rest.split(END)[1]
    if os.environ.get("HANSCOPE_WRITE"):
        DOCUMENT.write_text(INTRODUCTION + made)
        README.write_text(before + BEGIN + made + END + after)
    assert DOCUMENT.read_text() == INTRODUCTION + made, "HANSCOPE_WRITE=1 writes docs/features.md again"
    assert README.read_text() == before + BEGIN + made + END + after, (
        "HANSCOPE_WRITE=1 writes the README again"
    )
