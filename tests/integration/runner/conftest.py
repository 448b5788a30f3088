from collections.abc import Iterator

import pytest

from integration.runner.harness import Bench, bench


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One executor for a whole module: its host and zygotes stay warm between tests."""
    with bench(tmp_path_factory.mktemp("stand")) as ready:
        yield ready
