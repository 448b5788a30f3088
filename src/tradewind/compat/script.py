"""How provider packages send a function to a container or a virtual environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewind.sdk.external_call import script
from tradewind.sdk.virtualenv import VirtualEnvironment, python_of


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


def prepare_virtualenv(
    venv_directory: str,
    python_bin: str | None = None,
    system_site_packages: bool = True,
    requirements: Sequence[str] | None = None,
    requirements_file_path: str | None = None,
    pip_install_options: Sequence[str] | None = None,
    index_urls: Sequence[str] | None = None,
) -> str:
    """Make a virtual environment; gives the path of its Python. `python_bin`: such as "python3.12".

    Raises AirflowException when a step fails.
    """
    listed = Path(requirements_file_path).read_text().splitlines() if requirements_file_path else ()
    folder = Path(venv_directory)
    folder.mkdir(parents=True, exist_ok=True)
    environment = VirtualEnvironment(
        requirements=[*(requirements or ()), *listed],
        python_version=Path(python_bin or "").name.removeprefix("python") or None,
        system_site_packages=system_site_packages,
        pip_install_options=pip_install_options or (),
        index_urls=index_urls,
    )
    environment.create(folder, lambda command, env: subprocess.run(command, env=env).returncode)
    return str(python_of(folder))
