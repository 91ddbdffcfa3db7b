"""Prints the version and kind of the Python that runs this; fails where it is too old for hanscope, or has no venv."""

import sys

if sys.version_info < (3, 11):
    sys.exit("hanscope needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])
import venv  # noqa: F401

sys.stdout.write("%d.%d.%d %s\n" % (*sys.version_info[:3], sys.implementation.name))
