"""Cryptography that several protocols use: ciphers, hashes, key derivation, signatures, checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.crypto.ccm import ccm_open as ccm_open
    from dissectors.crypto.ccm import ccm_seal as ccm_seal
    from dissectors.crypto.crc import crc16 as crc16
    from dissectors.crypto.mmo import aes_mmo as aes_mmo
    from dissectors.crypto.mmo import hmac_mmo as hmac_mmo


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "ccm": "ccm_open ccm_seal",
        "crc": "crc16",
        "mmo": "aes_mmo hmac_mmo",
    },
)
