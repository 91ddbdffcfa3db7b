"""Why something does not work: the steps that a device goes through, the first that failed, what to check next.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "model": "DeviceDiagnosis Diagnosis StepResult",
        "steps": "Step all_steps steps_of",
        "told": "text_lines",
        "whole": "diagnose",
    },
)
