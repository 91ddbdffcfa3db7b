"""Compares what was read with the `expected` object of a vector: every key, by value."""

from __future__ import annotations

from typing import Any

from dissectors.dlms.apdu.acse import ber_content, context_name, mechanism_name
from dissectors.dlms.apdu.general import SecurityControl
from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.carriers.hdlc import HdlcFrame, read_frames
from dissectors.dlms.carriers.mbus import Telegram, read_telegrams
from dissectors.dlms.cosem.codes import code_name
from dissectors.dlms.cosem.data import TYPE_NAMES, Node, leaves
from dissectors.dlms.cosem.obis import target
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder, data_leaf
from dissectors.model.message import Message

NESTED = ("user_information", "inner", "content")


def _values(apdu: Apdu) -> dict[str, Any]:
    return {part[0].name: part[1] for part in apdu.parts}


def hexed(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [hexed(v) for v in value]
    return value


def leaf_value(node: Node) -> list[Any]:
    leaf = data_leaf(node)
    return [leaf["type"], hexed(leaf["value"])]


def summary(node: Node | None) -> dict[str, Any] | None:
    if node is None:
        return None
    found = [leaf_value(leaf) for leaf in leaves(node)]
    return {"data": TYPE_NAMES[node[0]], "leaves": len(found), "first": found[:6]}


def alike(found: Any, expected: Any) -> bool:
    """Equality, but for `first` (the vectors keep some leaves of many) and compact arrays there (a count)."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(
            alike_first(found[k], v) if k == "first" else alike(found[k], v) for k, v in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(alike, found, expected))
    return bool(found == expected)


def alike_first(found: list[Any], expected: list[Any]) -> bool:
    if not expected:
        return not found
    return all(f == e or _counted(f, e) for f, e in zip(found, expected, strict=False))


def _counted(found: list[Any], expected: list[Any]) -> bool:
    return found[0] == expected[0] == "compact-array" and f"{len(found[1]['items'])} items" == expected[1]


def nested_value(node: Node) -> Any:
    """The form of `value` in axdr-data vectors: containers as [type, [...]] below the top."""
    if node[0] in (1, 2):
        return [[TYPE_NAMES[n[0]], nested_value(n)] for n in node[1]]
    return leaf_value(node)[1]


def _reference(octets: bytes, selection: Any, method: bool = False) -> str:
    text = target(octets, method).text
    return f"{text}@sel{selection[0][1]}" if selection else text


def _item(part: Any, kind: str) -> Any:
    value = part[1]
    if kind == "attributes":
        return _reference(value[0][1], value[1][1] and value[1][1][1])
    if kind == "methods":
        return _reference(value, None, True)
    if kind == "specifications":
        name = {1: "get", 2: "set", 3: "action", 4: "get-with-selection", 5: "set-with-selection"}[value[0]]
        selection = value[1][1][1] if len(value[1]) > 1 else None
        return f"{name}:{_reference(value[1][0][1], selection, value[0] == 3)}"
    return _variable(value)


def _variable(value: Any) -> dict[str, Any]:
    code, parts = value
    if code == 2:
        return {"name": parts[0][1]}
    if code == 4:
        return {"name": parts[0][1], "selector": parts[1][1], "data": summary(parts[2][1])}
    if code == 5:
        return {"block": parts[0][1]}
    names = {"last_block": "last", "block_number": "block", "raw_data": "raw"}
    return {names[p[0].name]: hexed(p[1]) for p in parts}


def items(values: dict[str, Any]) -> list[Any]:
    for kind in ("attributes", "methods", "specifications", "variables"):
        if values.get(kind):
            listed = values[kind][1] if isinstance(values[kind], tuple) else values[kind]
            return [_item(part, kind) for part in listed]
    if "attribute" in values:
        selection = values.get("selection")
        return [_reference(values["attribute"], selection and selection[1])]
    return [_reference(values["method"], None, True)] if "method" in values else []


def _get_result(value: Any) -> Any:
    code, parts = value
    return summary(parts[0][1]) if code == 0 else {"error": code_name("data-access-result", parts[0][1])}


def _answer(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"result": code_name("action-result", value[0][1])}
    if value[1][1] is not None:
        out["return"] = _get_result(value[1][1][1])
    return out


def _sn_result(value: Any, write: bool) -> Any:
    code, parts = value
    if code == 0:
        return "success" if write else summary(parts[0][1])
    if code == 1:
        name = code_name("data-access-result", parts[0][1])
        return name if write else {"error": name}
    names = {"last_block": "last", "block_number": "block", "raw_data": "raw"}
    return {names[p[0].name]: hexed(p[1]) for p in parts}


def results(apdu: Apdu, values: dict[str, Any]) -> list[Any]:
    if apdu.tag == 0xDA:
        kinds = {1: "get", 2: "set", 3: "action"}
        return [
            [kinds[code], code_name("data-access-result", parts[0][1])]
            for code, parts in (p[1] for p in values["responses"])
        ]
    if apdu.tag in (0x0C, 0x0D):
        return [_sn_result(part[1], apdu.tag == 0x0D) for part in values["results"]]
    if "get_result" in values:
        return [_get_result(values["get_result"])]
    if "answer" in values:
        return [_answer(values["answer"])]
    if "answers" in values:
        return [_answer(part[1]) for part in values["answers"]]
    if "results" in values and apdu.tag == 0xC4:
        return [_get_result(part[1]) for part in values["results"]]
    if "results" in values:
        return [code_name("data-access-result", part[1]) for part in values["results"]]
    return [code_name("data-access-result", values["result"])] if "result" in values else []


def _data_values(values: dict[str, Any]) -> list[Any]:
    if "values" in values:
        return [summary(part[1]) for part in values["values"]]
    node = values.get("data")
    if node is not None and not isinstance(node[0], int):
        node = node[1]
    return [summary(node)]


def _block(values: dict[str, Any]) -> dict[str, Any]:
    last, block, raw = (part[1] for part in values["datablock"])
    return {"last": last, "block": block, "raw_len": len(raw)}


def _raw_length(values: dict[str, Any]) -> int:
    raw = values["block_data"] if "block_data" in values else values["block_result"][1][0][1]
    return len(raw)


def _security(values: dict[str, Any]) -> dict[str, Any]:
    ciphered = values["protected"]
    control = SecurityControl.of(ciphered.control)
    return {
        "sc": ciphered.control,
        "suite": control.suite,
        "auth": control.authenticated,
        "enc": control.encrypted,
        "broadcast": control.broadcast,
        "compressed": control.compressed,
        "ic": ciphered.counter,
        "len": 5 + len(ciphered.payload) + len(ciphered.tag),
    }


def _key_info(values: dict[str, Any]) -> dict[str, Any]:
    code, parts = values["key_info"][1]
    if code == 0:
        return {"identified": parts[0][1]}
    return {("wrapped" if code == 1 else "agreed"): hexed(parts[0][1]), "data": parts[1][1].hex()}


def _acse(apdu: Apdu) -> dict[str, bytes]:
    return dict(apdu.parts[0][0].plain(apdu.parts[0][1]))


def _acse_fact(apdu: Apdu, key: str) -> Any:
    found = _acse(apdu)
    side = "calling" if apdu.tag == 0x60 else "responding"
    if key == "context":
        return context_name(found["application_context_name"])
    if key == "mechanism":
        return mechanism_name(found["mechanism_name"])
    if key == "auth_value":
        return ber_content(found[f"{side}_authentication_value"]).hex()
    if key == "acse_requirements":
        return next(v for k, v in found.items() if "requirements" in k).hex()
    if key in ("calling_title", "responding_title"):
        return ber_content(found[f"{side}_ap_title"]).hex()
    if key == "result":
        return int.from_bytes(ber_content(found["result"]), "big")
    if key == "reason":
        return int.from_bytes(found["reason"], "big")
    source = found["result_source_diagnostic"]
    code = int.from_bytes(ber_content(ber_content(source)), "big")
    return ["user" if source[0] == 0xA1 else "provider", code]


def _invoke(values: dict[str, Any], shifts: tuple[int, int, int], mask: int) -> dict[str, Any]:
    word = next(v for k, v in values.items() if "invoke_id" in k)
    return {
        "invoke": word & mask,
        "confirmed": bool(word >> shifts[0] & 1),
        "high_priority": bool(word >> shifts[1] & 1),
    }


def fact(apdu: Apdu, key: str, expected: Any) -> Any:
    """The value that `apdu` gives for one key of its expected object."""
    values = _values(apdu)
    if apdu.tag in range(0x60, 0x64) and key != "apdu":
        return _acse_fact(apdu, key)
    if key in ("invoke", "confirmed", "high_priority"):
        long = "long_invoke_id_and_priority" in values
        return _invoke(values, (30, 31, 0) if long else (6, 7, 0), 0xFFFFFF if long else 15)[key]
    title = {"title": "system_title", "originator": "originator_system_title"}
    title |= {"recipient": "recipient_system_title", "other": "other_information"}
    if key in title or key in ("transaction_id", "signature"):
        return values[title.get(key, key)].hex()
    if key == "date_time":
        found = values["date_time"]
        return (found[1] if isinstance(found, tuple) else found).hex()
    simple: dict[str, Any] = {
        "apdu": lambda: apdu.name,
        "type": lambda: apdu.type,
        "items": lambda: items(values),
        "n_items": lambda: len(items(values)),
        "results": lambda: results(apdu, values),
        "n_results": lambda: len(results(apdu, values)),
        "values": lambda: _data_values(values),
        "block": lambda: values["block_number"],
        "ack": lambda: values["block_number_ack"],
        "last": lambda: bool(
            values["last_block"] if "last_block" in values else values["block_control"] & 128
        ),
        "streaming": lambda: bool(values["block_control"] & 64),
        "window": lambda: values["block_control"] & 63,
        "raw_len": lambda: _raw_length(values),
        "datablock": lambda: _block(values),
        "security": lambda: _security(values),
        "key_info": lambda: _key_info(values),
        "content_len": lambda: len(values["content"]),
        "version": lambda: values["dlms_version"],
        "conformance": lambda: values["conformance"].names,
        "max_pdu": lambda: next(v for k, v in values.items() if k.endswith("max_pdu_size")),
        "vaa": lambda: values["vaa_name"],
        "qos": lambda: values["quality_of_service"][1],
        "response_allowed": lambda: values["response_allowed"] is None or values["response_allowed"][1],
        "dedicated_key": lambda: values["dedicated_key"][1].hex(),
        "state_error": lambda: values["state_error"],
        "ic": lambda: values["service_error"][1],
        "service": lambda: code_name("confirmed-service-error.service", values["service"]),
        "value": lambda: values["service_error"][1],
        "result": lambda: code_name("data-access-result", values["result"]),
        "quirk": lambda: "typed-datetime" if type(values["date_time"]).__name__ == "TypedDateTime" else None,
    }
    if key == "service_error":
        return values["service_error"][0]
    if key == "error" and apdu.tag == 0x0E:
        return code_name("service-error.choice", values["service_error"][0])
    if key == "error":
        return code_name("data-access-result", values["block_result"][1][0][1])
    return simple[key]()


def check_apdu(expected: dict[str, Any], rest: list[Apdu], message: Message, seen: set[str]) -> None:
    """Take the next APDU off `rest` and compare; nested expectations take the following ones."""
    apdu = rest.pop(0)
    for key, value in expected.items():
        seen.add(key)
        if key in NESTED:
            check_apdu(value, rest, message, seen)
        elif key == "plain":
            following = rest[0].octets.hex()
            assert following == value, (key, value, following)
        elif key not in ("wrapper", "llc"):
            found = fact(apdu, key, value)
            if key == "type" and not found:
                continue
            assert alike(found, value), (apdu.name, key, value, found)


def check_frames(expected: list[dict[str, Any]], transport: str, octets: bytes) -> None:
    found: list[dict[str, Any]] = []
    if transport == "mbus":
        for telegram in read_telegrams(octets, 0, len(octets)):
            if isinstance(telegram, Telegram):
                first, last = telegram.body
                found.append(
                    {
                        "C": telegram.control,
                        "A": telegram.address,
                        "CI": telegram.information,
                        "cs_ok": telegram.checksum_ok,
                        "len": last - first + (2 if telegram.ports else 0),
                    }
                )
        assert found == expected
        return
    frames = [f for f in read_frames(octets, 0, len(octets)) if isinstance(f, HdlcFrame)]
    found = [
        {
            "seg": frame.segmented, "len": frame.end - frame.start, "dst": frame.destination.hex(),
            "src": frame.source.hex(), "ctrl": frame.control, "fcs_ok": frame.frame_ok,
            "hcs_ok": frame.header_ok, "info": frame.info[1] - frame.info[0], "type": frame.type,
            "ns": frame.send_number, "nr": frame.receive_number, "pf": int(frame.poll_final),
        }
        for frame in frames
    ]  # fmt: skip
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert {k: ours[k] for k in theirs} == theirs


def check_sequence(expected: dict[str, Any], rest: list[Apdu], message: Message, seen: set[str]) -> None:
    """The APDUs of a carrier: each in turn, then what general-block-transfer joined."""
    for entry in expected.get("apdus", []):
        if "undecoded" not in entry:
            check_apdu(entry, rest, message, seen)
    if "gbt_apdu" in expected:
        check_apdu(expected["gbt_apdu"], rest, message, seen)


def check_vector(vector: dict[str, Any], message: Message, decoder: ApduDecoder) -> None:
    """Every key of `expected` against what was read; AssertionError names the first that differs."""
    expected: dict[str, Any] = vector["expected"]
    octets, transport = message.octets, vector["transport"]
    rest = list(decoder.read)
    seen: set[str] = set()
    assert message.error is None, str(message.error)
    if transport in ("axdr-data", "gbcs-protected"):
        found = summary(decoder.nodes[0])
        assert found is not None
        assert alike(found, {"first": found["first"], **{k: expected[k] for k in found if k in expected}})
        if "value" in expected:
            assert nested_value(decoder.nodes[0]) == expected["value"]
        if "plain" in expected:
            assert message.buffers["decrypted-0"].hex() == expected["plain"]
            control = octets[0], int.from_bytes(octets[1:5], "big")
            assert control == (expected["security"]["sc"], expected["security"]["ic"])
        return
    if transport in ("hdlc", "mbus"):
        check_frames(expected["frames"], transport, octets)
        check_sequence(expected, rest, message, seen)
        return
    if "wrapper" in expected:
        words = [int.from_bytes(octets[i : i + 2], "big") for i in (2, 4, 6)]
        assert words == [expected["wrapper"][k] for k in ("src", "dst", "len")]
    if "llc" in expected:
        assert octets[:3].hex() == expected["llc"]
    check_apdu(expected, rest, message, seen)
