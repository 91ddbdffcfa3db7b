"""Coverage-guided fuzzing of the DLMS dissector; not run by pytest.

    pip install atheris
    python tests/dissectors/dlms/fuzz_dlms.py -max_total_time=600 [corpus folder]

The first octet chooses the transport, the rest is the message. Anything but a returned `Message` is a finding, and
so is a message with octets outside every leaf.
"""

import sys

import atheris

with atheris.instrument_imports(include=["dissectors"]):
    from dissectors.dlms import dissect_message
    from dissectors.dlms.transports import READERS
    from dissectors.keyring import DlmsKeys

TRANSPORTS = ["auto", *READERS]
KEYS = [DlmsKeys(None, bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(16)))]


def one_input(data: bytes) -> None:
    if not data:
        return
    transport = TRANSPORTS[data[0] % len(TRANSPORTS)]
    message = dissect_message(data[1:], transport=transport, keys=KEYS, profile="gbcs")
    leaves = [leaf for field in message.fields for leaf in field.leaves() if leaf.buffer == "message"]
    assert sum(leaf.length for leaf in leaves) == len(message.octets)
    message.to_json()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
