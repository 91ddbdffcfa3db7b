"""What belongs together: joins, key establishments, requests with their answers, tunnels, messages, downloads, polls.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(__name__, {"tracker": "ExchangeTracker", "kinds": "KINDS Kind"})
