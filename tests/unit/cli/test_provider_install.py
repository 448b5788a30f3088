"""What people may write for a provider, and what an installer's complaints come down to."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.cli.provider_install import failure
from tradewind.cli.provider_names import KNOWN, Wanted
from tradewind.core.errors import InfrastructureError, NotFound, UserError


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("http", "apache-airflow-providers-http"),
        ("common.sql", "apache-airflow-providers-common-sql"),
        ("Common_SQL", "apache-airflow-providers-common-sql"),
        ("postgres==6.5", "apache-airflow-providers-postgres==6.5"),
        (" amazon[s3fs] >= 9, <10", "apache-airflow-providers-amazon[s3fs] >= 9, <10"),
        ("apache-airflow-providers-ssh~=4.0", "apache-airflow-providers-ssh~=4.0"),
        ("apache_airflow_providers_brand_new", "apache-airflow-providers-brand-new"),
    ],
)
def test_what_pip_is_asked_for(text: str, requirement: str) -> None:
    assert Wanted.parse(text).requirement == requirement


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgress", "no provider 'postgress'. Did you mean postgres"),
        ("common.sq", "Did you mean common-sql"),
        ("htpp==1.0", "Did you mean http"),
        ("requests", "no provider 'requests'."),
        ("standard", "part of Tradewind"),
        ("apache-airflow-providers-standard", "part of Tradewind"),
        ("", "is not a provider's name"),
        ("--upgrade", "is not a provider's name"),
        ("http http", "is not a provider's name"),
    ],
)
def test_what_is_no_provider(text: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        Wanted.parse(text)
    assert refused.value.hint


@given(st.text(max_size=30))
def test_anything_is_a_requirement_or_an_error(text: str) -> None:
    try:
        wanted = Wanted.parse(text)
    except (UserError, NotFound):
        return
    assert wanted.distribution.startswith("apache-airflow-providers-")


def test_every_known_name_is_one() -> None:
    assert {Wanted.parse(name).distribution.partition("providers-")[2] for name in KNOWN} == KNOWN


PIP_NO_NETWORK = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after \
connection broken by 'NewConnectionError('<...>: Failed to establish a new connection: [Errno 111] \
Connection refused')': /simple/apache-airflow-providers-http/
ERROR: Could not find a version that satisfies the requirement apache-airflow-providers-http \
(from versions: none)
ERROR: No matching distribution found for apache-airflow-providers-http
"""
UV_NO_NETWORK = """\
error: Request failed after 3 retries in 5.8s
  cause: Failed to fetch: https://127.0.0.1:1/simple/apache-airflow-providers-http/
"""
PIP_NOT_THERE = """\
ERROR: Could not find a version that satisfies the requirement apache-airflow-providers-nope \
(from versions: none)
ERROR: No matching distribution found for apache-airflow-providers-nope
"""
PIP_NO_SUCH_VERSION = """\
ERROR: Could not find a version that satisfies the requirement apache-airflow-providers-http==99 \
(from versions: 1.0.0, 6.3.0)
ERROR: No matching distribution found for apache-airflow-providers-http==99
"""
UV_NOT_THERE = """\
error: No solution found when resolving dependencies
  cause: Because apache-airflow-providers-nope was not found in the package registry and you \
require apache-airflow-providers-nope, we can conclude that your requirements are unsatisfiable.
"""
UV_NO_SUCH_VERSION = """\
  x No solution found when resolving dependencies:
  `-> Because there is no version of apache-airflow-providers-http==99 and you require \
apache-airflow-providers-http==99, we can conclude that your requirements are unsatisfiable.
"""
PIP_CONFLICT = """\
ERROR: Cannot install apache-airflow-providers-http and redis<4 because these package versions \
have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/
"""
UV_CONFLICT = """\
  x No solution found when resolving dependencies:
  `-> Because a==1 depends on b>=2 and you require b<2, we can conclude that your requirements \
are unsatisfiable.
"""


@pytest.mark.parametrize(
    ("complaints", "kind", "message"),
    [
        (PIP_NO_NETWORK, InfrastructureError, "index could not be reached"),
        (UV_NO_NETWORK, InfrastructureError, "index could not be reached"),
        (PIP_NOT_THERE, UserError, "index has no apache-airflow-providers-nope."),
        (UV_NOT_THERE, UserError, "index has no apache-airflow-providers-nope."),
        (UV_NO_SUCH_VERSION, UserError, "index has no apache-airflow-providers-http==99."),
        (PIP_NO_SUCH_VERSION, UserError, "index has no apache-airflow-providers-http==99."),
        (PIP_CONFLICT, UserError, "No set of versions"),
        (UV_CONFLICT, UserError, "No set of versions"),
        ("error: externally-managed-environment", UserError, "exit code 3"),
    ],
)
def test_why_an_installation_failed(complaints: str, kind: type[Exception], message: str) -> None:
    error = failure(complaints, 3)
    assert type(error) is kind
    assert message in str(error)
