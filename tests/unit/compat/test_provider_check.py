"""Whether a module that cannot be imported wants something optional, or does not work."""

import pytest

from tradewind import compat
from tradewind.compat.provider_check import _is_optional

compat.install()


def raised_by(source: str) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (of every kind)
        exec(source, {})
    return caught.value


TOLD = """
try:
    import no_such_library
except ImportError:
    raise RuntimeError("install no-such-library")
"""


@pytest.mark.parametrize(
    ("source", "is_optional"),
    [
        ("import no_such_library", True),
        (TOLD, True),
        ("import airflow.providers.acme", True),
        ("import airflow.nonsense", False),
        ("from os import nonsense", False),
        ("raise RuntimeError('broken')", False),
        (TOLD.replace("no_such_library", "airflow.nonsense"), False),
    ],
)
def test_what_is_missing_is_told_from_what_is_broken(source: str, is_optional: bool) -> None:
    assert _is_optional(raised_by(source)) is is_optional
