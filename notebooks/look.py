"""A look at a capture without a notebook: ``python look.py han.pcapng keys.toml``; without a capture at a simulated home."""

from __future__ import annotations

import sys

import hanscope as hs


def main(path: str = "", keys: str | None = None) -> None:
    """Print who is there, what was asked of the meters and what came of it, and what the rules find."""
    capture = hs.open(path, keys=keys) if path else hs.simulate("install-day", faults=["gbcs-tamper"])
    print(capture.devices[["name", "role", "short", "frames", "rssi"]].to_string(index=False))
    exchanges = capture.where("kind == gbcs", table="exchanges")
    print(exchanges[["name", "initiator", "responder", "outcome"]].to_string(index=False))
    for finding in capture.check():
        print(f"{finding.severity}: {finding.title} ({finding.device}), frames {finding.frames[:5]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
