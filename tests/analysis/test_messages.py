"""The verb `message`: every form of input, one object a message, exit codes, no secrets."""

import base64
import io
import json
from pathlib import Path

import pytest

from analysis.keys.keystore_files import read_keystore
from analysis.views import messages
from dissectors.model import hidden_value
from dissectors.model.keyring import Keyring

FOLDER = Path(__file__).parents[1] / "vectors" / "gbcs"
ROWS = [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text().splitlines()]
BY_ID = {row["id"]: bytes.fromhex(row["hex"]) for row in ROWS}


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    ring = Keyring()
    ring.gbcs = read_keystore({"certificates": "keystore", "scalars": "keystore/scalars.csv"}, FOLDER)
    return ring


def run(arguments, keyring=None, **more):
    out = io.StringIO()
    code = messages.run([str(a) for a in arguments], keyring, out=out, **more)
    return code, out.getvalue()


def test_one_message_as_json_has_the_keys_of_the_design(keyring):
    code, text = run([BY_ID["ecs17b-response"].hex()], keyring, as_json=True)
    form = json.loads(text)
    assert code == 0
    wanted = ["schema", "source", "kind", "length", "use_case", "name", "message_code", "cra", "originator"]
    wanted += ["recipient", "originator_counter", "payload_kind", "signature", "mac", "trust", "trust_reason"]
    wanted += ["mac_reason", "encrypted_parts", "decrypted_parts"]
    assert list(form)[: len(wanted)] == wanted
    assert list(form)[-4:] == ["items", "issues", "fields", "error"]
    assert form["originator"] == "0a51c0de00000000" and form["error"] is None
    item = form["items"][0]
    assert (item["value"], item["unit"], item["number"], item["result"]) == (4711, "Wh", 47110, "success")


def test_folder_stdin_and_lines_as_jsonl(keyring, tmp_path):
    (tmp_path / "one.hex").write_text(BY_ID["ecs02-command"].hex())
    (tmp_path / "two.bin").write_bytes(BY_ID["ecs02-response"])
    (tmp_path / "three.txt").write_text(
        "\n".join([BY_ID["ecs02-alert"].hex(), base64.b64encode(BY_ID["cs02f-command"]).decode()])
    )
    code, text = run([tmp_path], keyring, jsonl=True)
    forms = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert [f["use_case"] for f in forms] == ["ECS02", "ECS02", "CS02f", "ECS02"]
    assert forms[1]["source"].endswith("three.txt, line 1")
    code, text = run(["-"], keyring, jsonl=True, stdin=io.BytesIO(BY_ID["ecs02-command"]))
    assert json.loads(text)["signature"] == "valid"


def test_lines_of_vectors_keep_their_id():
    lines = [{"id": "get", "hex": "c001c100080000010000ff0200", "transport": "apdu", "keys": None}]
    lines.append({"id": "gbcs", "hex": BY_ID["ecs02-command"].hex()})
    data = "\n".join(json.dumps(line) for line in lines).encode()
    code, text = run(["-"], jsonl=True, stdin=io.BytesIO(data))
    forms = [json.loads(line) for line in text.splitlines()]
    assert [(f["source"], f["kind"]) for f in forms] == [("get", "dlms"), ("gbcs", "gbcs")]
    assert code == 0


def test_what_cannot_be_read_gives_an_object_with_an_error():
    code, text = run(["no message at all!", BY_ID["ecs02-command"].hex()], jsonl=True)
    forms = [json.loads(line) for line in text.splitlines()]
    assert code == 4
    assert forms[0]["error"]["layer"] == "input"
    assert forms[1]["error"] is None
    code, _ = run(["dd0000"], kind="gbcs", jsonl=True)
    assert code == 4


def test_responses_are_named_by_the_command_that_came_along(keyring):
    octets = [BY_ID["ecs17b-response"].hex(), BY_ID["ecs17b-command"].hex()]
    _, text = run(octets, keyring, jsonl=True)
    first = json.loads(text.splitlines()[0])
    assert first["items"][0]["obis"] == "0-0:94.44.34.10"


def test_the_tree_reads_and_shows_no_key(keyring):
    code, text = run([BY_ID["ecs17b-response"].hex()], keyring)
    assert code == 0
    assert "mac: valid" in text and "ImportRegisterCollection" in text and "47110 Wh" in text
    assert "hidden" in hidden_value({"object": "hashed_link_key", "value": b"x" * 16})
    assert hidden_value({"object": "use_case", "value": "x"}) == "x"


def test_the_service_reference_of_a_duis_document_is_kept(keyring, tmp_path):
    text = base64.b64encode(BY_ID["pcs02-command"]).decode()
    body = f"<Response><ServiceReferenceVariant>2.2</ServiceReferenceVariant><GBCSPayload>{text}</GBCSPayload></Response>"
    (tmp_path / "a.xml").write_text(body)
    _, out = run([tmp_path / "a.xml"], keyring, as_json=True)
    form = json.loads(out)
    assert form["service_reference"] == "2.2" and form["duis"] == "Response"


def test_bad_key_files_are_named(tmp_path):
    (tmp_path / "x.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match=r"x\.pem"):
        read_keystore({"certificates": "x.pem"}, tmp_path)
    with pytest.raises(ValueError, match="EUI-64"):
        read_keystore({"access_control_broker": "00"}, tmp_path)


def test_blocks_among_the_inputs_are_put_together(keyring, tmp_path):
    from dissectors.gbcs.gbt import Block, build_blocks

    octets = BY_ID["cs02b-command"]
    ends = bytes.fromhex("0a51c00000000100"), bytes.fromhex("0a51c0de00000000")
    header = Block(1, 3001, *ends, 0x0102, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")
    blocks = build_blocks(octets, size=400, header=header)
    (tmp_path / "all.txt").write_text("\n".join(b"\x03".hex() + b.hex() for b in reversed(blocks)))
    code, text = run([tmp_path / "all.txt"], keyring, jsonl=True)
    whole = json.loads(text.splitlines()[-1])
    assert code == 0
    assert (whole["use_case"], whole["mac"], whole["signature"]) == ("CS02b", "valid", "valid")
    (tmp_path / "some.txt").write_text("\n".join(b.hex() for b in blocks[1:]))
    code, text = run([tmp_path / "some.txt"], keyring, jsonl=True)
    assert code == 4
    assert json.loads(text.splitlines()[-1])["error"]["text"] == "missing: block 1"


def test_keys_inside_messages_are_hidden_unless_revealed(keyring, tmp_path):
    from dissectors.gbcs import build
    from dissectors.gbcs.payloads.building import Ask, access_request

    secret = bytes(range(16, 32))
    data = ("structure", [("octet-string", bytes(8)), ("enum", 1), ("octet-string", secret), ("enum", 0)])
    payload = access_request([Ask(3, 104, "0-0:30.3.0.255", 1, data)], 9)
    ends = {"originator": bytes.fromhex("0a51c00000000100"), "recipient": bytes.fromhex("0a51c0de00000000")}
    octets = build.command("CCS01", counter=9, keystore=keyring.gbcs, payload=payload, **ends)
    for form in ({"as_json": True}, {"jsonl": True}, {}):
        _, text = run([octets.hex()], keyring, **form)
        assert secret.hex() not in text.replace(octets.hex(), "")
        _, text = run([octets.hex()], keyring, reveal=True, **form)
        assert secret.hex() in text
    from analysis.pipeline.payloads import item_rows

    rows = item_rows(messages.dissect(messages.Source("x", octets), keyring), 1)
    assert not any(secret.hex() in str(row) for row in rows)


@pytest.mark.parametrize("transport", [{"ek": 1}, "hdlc ", 5, ["hdlc"]])
def test_a_transport_that_is_not_known_is_an_error_of_the_line(transport: object) -> None:
    line = json.dumps({"hex": "c401c1000001", "transport": transport}).encode()
    ((_, message),) = messages.dissect_all(messages.read_sources(["-"], io.BytesIO(line)))
    assert message.error is not None and "apdu, llc, hdlc" in message.error.text
