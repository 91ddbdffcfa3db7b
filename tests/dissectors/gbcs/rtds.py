"""The Reference Test Data Set as the tests see it: messages by name, and its keystore."""

from functools import cache
from pathlib import Path

from dissectors.gbcs import Keystore


@cache
def messages(shared: Path) -> dict[str, bytes]:
    """Every message by its path below ``messages``."""
    folder = shared / "vectors" / "rtds" / "messages"
    files = sorted(folder.glob("**/*.HEX"))
    return {str(f.relative_to(folder)): bytes.fromhex(f.read_text().strip()) for f in files}


def keystore(shared: Path, broker: bytes | None = None) -> Keystore:
    """The test PKI of the set, with or without naming the Access Control Broker."""
    store = Keystore(broker)
    for file in sorted((shared / "vectors" / "rtds" / "keystore").iterdir()):
        store.add(file.read_bytes(), file.name)
    return store
