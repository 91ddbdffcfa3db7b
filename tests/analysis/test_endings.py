"""Signals end a run wherever it is, without a traceback; what nohup ignores stays ignored."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SWALLOWED = """
import os, signal, time
signal.signal(signal.{name}, signal.default_int_handler if "{name}" == "SIGINT" else signal.SIG_DFL)  # nohup or not
from analysis.cli.endings import end_on_signals
end_on_signals()
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1000):
            pass
Finalized()
for _ in range(100):
    time.sleep(0.05)
print("went on")
"""
NAMES = ["SIGTERM", "SIGHUP"]


def ended(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_in_a_finalizer_is_not_lost(name: str) -> None:
    done = ended(SWALLOWED.format(name=name))
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stdout == done.stderr == ""


def test_an_interruption_in_a_finalizer_is_not_lost() -> None:
    done = ended(SWALLOWED.format(name="SIGINT"))
    assert done.returncode == -signal.SIGINT and "went on" not in done.stdout


def test_what_is_ignored_stays_ignored() -> None:
    begin = "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    code = "from analysis.cli.endings import end_on_signals\nend_on_signals()\nos.kill(os.getpid(), signal.SIGHUP)\n"
    done = ended(begin + code + "print('went on')")
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_other_exceptions_that_nobody_gets_are_told() -> None:
    code = "from analysis.cli.endings import end_on_signals\nend_on_signals()\n"
    done = ended(code + "class A:\n    def __del__(self): raise ValueError('seen')\nA()\n")
    assert "ValueError: seen" in done.stderr
