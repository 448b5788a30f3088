"""The note that a DAG file gets for a spelling of Airflow 1 or 2 that is still understood."""

import warnings


class OldNameWarning(DeprecationWarning):
    """An old name or argument; the message gives the modern form. Shown with the DAG's warnings."""


def note_old_name(message: str, *, stacklevel: int = 2) -> None:
    """Warn from the caller's caller (or `stacklevel` frames up): the line in the DAG file."""
    warnings.warn(message, OldNameWarning, stacklevel=stacklevel + 1)
