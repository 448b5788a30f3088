"""How hard to try: the same few cases under `make test`, new and more ones under `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

RANDOM = "FUZZ_ROUND" in os.environ
"""Whether this is a round of `make fuzz`, which hands its seed to hypothesis."""

_FACTOR = 4


def examples(count: int) -> settings:
    """For a test: try so many cases, or four times as many in a round of `make fuzz`."""
    return settings(
        max_examples=count * _FACTOR if RANDOM else count,
        derandomize=not RANDOM,
        database=None,  # a seed alone must say what is tried
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
