"""Importing a DAG file out of a bundle's snapshot: what the parsing child and every zygote do."""

import importlib.machinery
import importlib.util
import os
import sys
import traceback
import zipfile
from collections.abc import Iterator
from hashlib import sha1
from types import ModuleType
from typing import TYPE_CHECKING

from tradewind.core.errors import InvalidDag

if TYPE_CHECKING:
    from tradewind.sdk import DAG


def load_dag_file(root: str, file: str) -> "list[DAG]":
    """Import `file` (relative to `root`) and return the DAGs that it made, in the file's order.

    The bundle's root, and after it the file's own folder, are on `sys.path` from then on, so helper
    modules beside DAGs are found; a zip file is a folder whose top-level modules are all imported.
    Whatever the file raises passes through, `SystemExit` included. To be called once per process
    and file: what it imports stays imported. Raises `InvalidDag` when the file's DAGs are those of
    an installed Apache Airflow.
    """
    from tradewind import compat

    ours = compat.install()
    sys.dont_write_bytecode = True  # a snapshot is immutable, and maybe read-only
    path = os.path.join(root, file)
    if zipfile.is_zipfile(path):
        dags = [dag for stem in _zip_modules(path) for dag in _load(path, file, stem)]
    else:
        dags = _load(root, file, None)
    if not ours and not dags and "airflow" in sys.modules:
        where = getattr(sys.modules["airflow"], "__file__", None) or sys.prefix
        raise InvalidDag(
            f"`import airflow` in {file} gets Apache Airflow itself, which is installed in this "
            f"environment ({os.path.dirname(where)}), so the file makes no DAGs of Tradewind.",
            hint="Take it out of the environment (pip uninstall apache-airflow apache-airflow-core "
            "apache-airflow-task-sdk) or install Tradewind in one of its own; a file may also "
            "import from tradewind.sdk instead of airflow.",
        )
    return dags


def _load(root: str, file: str, zipped: "str | None") -> "list[DAG]":
    from tradewind.sdk.authoring import recording
    from tradewind.sdk.dag import DAG

    put_on_path(root, file)
    with recording() as registered:
        module = _import_zipped(root, zipped) if zipped else _import_file(root, file)
    found = [value for value in vars(module).values() if isinstance(value, DAG)]
    unique = {id(dag): dag for dag in [*found, *registered]}
    for dag in unique.values():
        dag.fileloc = getattr(module, "__file__", None) or os.path.join(root, file)
    return list(unique.values())


def put_on_path(root: str, file: str) -> None:
    """Let the bundle's root, and at last the file's folder, be searched for modules."""
    if root not in sys.path:
        sys.path.insert(0, root)
    folder = os.path.dirname(os.path.join(root, file))
    if os.path.isdir(folder) and folder not in sys.path:
        sys.path.append(folder)


def module_name(file: str) -> str:
    """The name a DAG file is imported under: unique per file, equal in every process.

    Airflow's form; the name of a class defined in a DAG file becomes part of stored XComs.
    """
    stem = os.path.splitext(os.path.basename(file))[0]
    digest = sha1(file.encode(), usedforsecurity=False).hexdigest()
    return f"unusual_prefix_{digest}_{stem}"


def _import_file(root: str, file: str) -> ModuleType:
    name = module_name(file)
    path = os.path.join(root, file)
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise InvalidDag(f"{file} cannot be imported as a Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _zip_modules(path: str) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            stem, extension = os.path.splitext(name)
            if extension == ".py" and "/" not in name and stem != "__init__":
                yield stem


def _import_zipped(archive: str, stem: str) -> ModuleType:
    sys.modules.pop(stem, None)  # a module of that name may come from another archive
    return importlib.import_module(stem)


def describe_error(error: BaseException, root: str) -> str:
    """The traceback from the first frame in the bundle on; those above it are not the user's."""
    frames = error.__traceback__
    first = frames
    while first is not None and not first.tb_frame.f_code.co_filename.startswith(root):
        first = first.tb_next
    lines = traceback.format_exception(type(error), error, first or frames)
    return "".join(lines).rstrip()
