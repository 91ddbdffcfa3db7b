"""The library as a person meets it (`import hanscope as hs`): captures, messages, findings, simulated homes.

Strategy: this room only binds together what the other rooms do, in the order in which a person asks. Its modules load
no pandas, pyarrow or Scapy; what needs them loads them when it is called.
"""

from analysis.api.captured import Capture
from analysis.api.judged import Findings
from analysis.api.keys import Keys
from analysis.api.many import fleet
from analysis.api.seen import FoundFrame, FoundMessage, build, message
from analysis.api.several import Captures, open_captures
from analysis.api.simulated import Simulation, simulate

__all__ = [
    "Capture",
    "Captures",
    "Findings",
    "FoundFrame",
    "FoundMessage",
    "Keys",
    "Simulation",
    "build",
    "fleet",
    "message",
    "open_captures",
    "simulate",
]
