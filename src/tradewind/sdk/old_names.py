"""The note that a DAG file gets for a spelling of Airflow 1 or 2 that is still understood."""

import os
import sys
import warnings

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NOBODYS = (_OURS, "<frozen ", "<string>")


class OldNameWarning(DeprecationWarning):
    """An old name or argument; the message gives the modern form. Shown with the DAG's warnings."""


def note_old_name(message: str) -> None:
    """Warn at the line of the user's code that leads here; a provider's own code is not theirs."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOBODYS):
        frame = frame.f_back
    if str(frame.f_globals.get("__name__")).startswith("airflow.providers."):
        return
    warnings.warn_explicit(message, OldNameWarning, frame.f_code.co_filename, frame.f_lineno)
