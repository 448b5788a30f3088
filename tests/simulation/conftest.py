"""A database for simulated worlds, made once."""

from collections.abc import Iterator

import pytest

from simulation.database import Database, new_database


@pytest.fixture(scope="package")
def database() -> Iterator[Database]:
    with new_database() as database:
        yield database
