"""A capture made safe to share: pseudonyms, blanked readings, other keys, and frames that still verify."""

from analysis.redaction.capture import Redacted, redact_capture
from analysis.redaction.pseudonyms import Pseudonyms

__all__ = ["Pseudonyms", "Redacted", "redact_capture"]
