"""Where shared test material lies, and how a test says that it needs it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test asserts a time: a busy machine must not fail one.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

os.environ["HANSCOPE_CONFIG"] = ""  # no test depends on what somebody set at home

SHARED = Path(os.environ.get("HANSCOPE_SHARED", Path(__file__).parent.parent.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of other people's captures and vectors; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared test material at {SHARED} (set HANSCOPE_SHARED)")
    return SHARED


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`shared_capture` runs over every file of the captures folder; one skipped case where it is absent."""
    if "shared_capture" in metafunc.fixturenames:
        folder = SHARED / "captures"
        files = sorted(p for p in folder.glob("*") if p.suffix in {".pcap", ".pcapng", ".dcf", ".cubx"})
        cases = files or [pytest.param(None, marks=pytest.mark.skip(f"no captures in {folder}"))]
        metafunc.parametrize("shared_capture", cases, ids=lambda p: getattr(p, "name", "absent"))
