"""Keys: files to keyrings.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "keyfile": "KeyFileError read_keys read_keys_text",
        "keystore_files": "read_keystore",
    },
)
