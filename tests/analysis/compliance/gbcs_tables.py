"""Messages made by hand, as rows of the `messages` and `items` tables."""

from typing import Any

from analysis.engine.checking import check
from analysis.rules.compliance.gbcs_messages import use_cases
from tests.analysis.frames import GAS, HUB, METER, decoded, devices, packet, smart_energy

SUPPLIER, BROKER, OPERATOR, DISPLAY = (
    0x90B3D51F30000001,
    0x90B3D51F30000002,
    0x90B3D51F30000003,
    0x00DB000000000009,
)
ROLES = {
    "CHF": HUB,
    "ESME": METER,
    "GSME": GAS,
    "PPMID": DISPLAY,
    "Supplier": SUPPLIER,
    "Network Operator": OPERATOR,
}
Row = dict[str, Any]


def command(
    code: int = 0x27, seconds: float = 0.0, *, by: int = SUPPLIER, to: int = METER, **more: Any
) -> Row:
    """A command; `counter` is the originator counter. What the keywords do not say is harmless."""
    row = {
        "kind": "gbcs", "cra": "command", "message_code": code, "use_case": use_cases().get(code, {}).get("use_case"),
        "time": packet(seconds)["time"], "originator": f"{by:016x}", "recipient": f"{to:016x}", "signature": "absent",
        "mac": "valid", "decrypted": "none", "originator_counter": more.pop("counter", None),
    }  # fmt: skip
    return {**row, **more}


def response(
    code: int = 0x27, seconds: float = 1.0, *, by: int = METER, to: int = SUPPLIER, **more: Any
) -> Row:
    """A successful response."""
    return command(code, seconds, by=by, to=to, **{"cra": "response", "outcome": "success", **more})


def alert(code: int = 0x18, seconds: float = 1.0, *, by: int = METER, to: int = SUPPLIER, **more: Any) -> Row:
    """An alert; `alert_code` by keyword."""
    return command(code, seconds, by=by, to=to, **{"cra": "alert", **more})


def item(message: int = 1, **more: Any) -> Row:
    """An item of the message of that number."""
    return {"message": message, "item": 0, **more}


def capture(messages: list[Row], items: list[Row] | None = None, frames: list[Row] | None = None) -> Any:
    """Tables of a capture that lasts four hours unless `frames` are given; messages and frames are numbered."""
    numbered = [
        {
            "message": n,
            "frames": [n],
            "digest": n,
            **row,
            "originator_counter": row["originator_counter"] or n << 32,
        }
        for n, row in enumerate(messages, 1)
    ]
    given = frames if frames is not None else [smart_energy(0.0), smart_energy(14_400.0)]
    return decoded(given, messages=numbered, items=items or [], devices=devices(**ROLES))


def broken_and_kept(
    rule: str, bad: Any, good: Any, *, profiles: tuple[str | None, str | None] = (None, None)
) -> None:
    """`rule` finds `bad` under the first profile, and passes `good` under the second."""
    found = check(bad, profiles[0], rules=[rule])
    assert not found.failures, found.failures
    assert {f.rule for f in found.findings} == {rule}, [v.text for v in found.verdicts]
    assert all(f.frames for f in found.findings), "a finding names the frames that show it"
    quiet = check(good, profiles[1], rules=[rule])
    assert not quiet.failures, quiet.failures
    assert not quiet.findings, [f.evidence for f in quiet.findings]
    assert {v.state for v in quiet.verdicts} == {"pass"}, [v.text for v in quiet.verdicts]
