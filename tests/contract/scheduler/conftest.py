"""Whatever a test does to schedulers, what they recorded proves afterwards that they behaved."""

from collections.abc import Iterator

import pytest

from tradewind.scheduler import history
from tradewind.store.engine import Store


@pytest.fixture(autouse=True)
def _behaved(request: pytest.FixtureRequest) -> Iterator[None]:
    if "store" not in request.fixturenames or request.node.get_closest_marker("tampers"):
        yield
        return
    store: Store = request.getfixturevalue("store")
    yield
    found = history.check(store, now=store.clock.now()).violations
    assert not found, "\n".join(each.message for each in found)
