"""What a DAG file depends on, as one digest: it is parsed again only when that changes."""

import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

import tradewind
from tradewind.core.dag import SCHEMA

_STAMP = f"{tradewind.__version__} {SCHEMA} {sys.version}"
"""Another Tradewind or Python may read the same file differently."""


def is_asked_for(name: str) -> bool:
    """Whether an input is something that the control plane answers, not something in the bundle."""
    return name.startswith(("variable:", "connection:"))


def input_digest(
    file: str,
    inputs: Iterable[str],
    hashes: Mapping[str, str],
    value: Callable[[str], str],
) -> str:
    """`inputs` as in `ParseResult`, `hashes` of all files of the bundle.

    `value` gives what stands for the present value of a "variable:…" or "connection:…".
    """
    total = sha256(_STAMP.encode())
    for name in sorted({file, *inputs}):
        if is_asked_for(name):
            state = value(name)
        elif name.endswith("/"):
            state = " ".join(_names_in(name.removeprefix("/"), hashes))
        else:
            state = hashes.get(name, "")
        total.update(f"{name}\0{state}\n".encode())
    return total.hexdigest()


def _names_in(folder: str, hashes: Mapping[str, str]) -> list[str]:
    below = {path.removeprefix(folder).split("/")[0] for path in hashes if path.startswith(folder)}
    return sorted(below)
