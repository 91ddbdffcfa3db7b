"""Keys: files to keyrings.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "KeyFileError": "analysis.keys.keyfile",
    "read_keys": "analysis.keys.keyfile",
    "read_keys_text": "analysis.keys.keyfile",
    "read_keystore": "analysis.keys.keystore_files",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
