"""One module a target: `LIMIT`, `seeds()` and `check(octets)`."""
