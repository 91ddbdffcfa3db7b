"""Cryptography that several protocols use: ciphers, hashes, key derivation, signatures, checksums."""
