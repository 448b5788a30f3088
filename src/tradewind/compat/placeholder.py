"""A wheel that stands for Apache Airflow where Tradewind takes its place.

Every provider package requires `apache-airflow`. With this wheel in the environment a resolver
finds that met, by the version whose behaviour Tradewind has: a provider that needs a newer one is
not chosen, and nothing that is installed later brings Apache Airflow along.
"""

import zipfile
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from tradewind.compat.version import __version__ as airflow_version

NAME = "apache-airflow"
VERSION = f"{airflow_version}+tradewind"

_METADATA = f"""\
Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: Placeholder: in this environment Tradewind takes the place of Apache Airflow
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: tradewind
Root-Is-Purelib: true
Tag: py3-none-any
"""


def write_wheel(folder: Path) -> Path:
    """Write the wheel, which holds nothing but its own description; returns its path."""
    stem = f"{NAME.replace('-', '_')}-{VERSION}"
    files = {f"{stem}.dist-info/METADATA": _METADATA, f"{stem}.dist-info/WHEEL": _WHEEL}
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    files[record] = "\n".join([*lines, f"{record},,", ""])
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def _digest(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
