# A module by itself cannot carry py.typed: this says where the types of hanscope.py are.
from analysis.api import *  # noqa: F403
