"""Every use case that has a template: its command and its answer, built, verified, read without an issue."""

import pytest

from dissectors.gbcs import build, dissect_message
from dissectors.gbcs.building.templates import has_template
from dissectors.gbcs.catalogue.names import originator_roles, use_cases
from tests.dissectors.gbcs import own

STORE = own.keystore()
NEEDS_CERTIFICATE = 0x000B
CODES = [code for code in sorted(use_cases()) if has_template(code) and code != NEEDS_CERTIFICATE]
NO_COMMAND = {0x0018, 0x0061, 0x0067, 0x008B, 0x0113, 0x0121, 0x0122}


@pytest.mark.parametrize("code", CODES, ids=[f"{use_cases()[c].use_case}-{c:04x}" for c in CODES])
def test_command_and_response_of_the_template(code):
    parties = {"originator": own.SUPPLIER, "recipient": own.ESME, "counter": 0x1234567890}
    if use_cases()[code].category == "SME.C.PPMID-GSME":
        parties |= {"originator": own.PPMID, "recipient": own.GSME}
    octets = build.command(code, keystore=STORE, **parties)
    command = dissect_message(octets, STORE)
    assert command.facts["mac"] == "valid"
    assert command.facts["signature"] == ("valid" if build.is_signed(code) else "absent")
    allowed = originator_roles(code) or {"Supplier"}
    wrong_role = build.is_signed(code) and "Supplier" not in allowed
    assert ("may not send" in command.facts["trust_reason"]) == wrong_role
    assert [i for i in command.issues if i.severity != "note"] == [] or wrong_role
    assert build.build(command, STORE) == octets
    octets = build.response(command, keystore=STORE)
    for asked in (command, None):
        response = dissect_message(octets, STORE, command=asked)
        assert "valid" in (response.facts["mac"], response.facts["signature"])
        assert response.facts["decrypted_parts"] == response.facts["encrypted_parts"]
        assert [i for i in response.issues if i.severity != "note"] == []
        assert all(row["object"] for row in response.items)
    assert build.build(response, STORE) == octets


def test_how_many_there_are():
    print(len(CODES), "use cases with a template")
    assert len(CODES) >= 200
