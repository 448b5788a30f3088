"""`write_python_script`, with which `@task.docker` and its like send a function elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.sdk.external_call import script


def write_python_script(jinja_context: Mapping[str, Any], filename: str) -> None:
    """Write a script that calls the function whose source and name are in `jinja_context`.

    Its arguments are the files of the pickled arguments, the result, the string arguments, and the
    error.
    """
    text = script(
        source=jinja_context["python_callable_source"],
        function=jinja_context["python_callable"],
        serializer=jinja_context["pickling_library"],
    )
    Path(filename).write_text(text)
