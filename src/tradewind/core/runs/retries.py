"""Retries: whether a failed try is followed by another one, and when."""

import math
from datetime import datetime, timedelta
from hashlib import sha1

from tradewind.core.dag import TaskSpec
from tradewind.core.moments import later
from tradewind.core.runs.instances import RunFacts, TaskInstance

MAX_DELAY_SECONDS = 24 * 60 * 60
"""Exponential waits never grow beyond this, as in Airflow."""

INFRA_BUDGET = 3
"""How many attempts of one try may be lost to the infrastructure before the try has failed."""

MAX_INFRA_PAUSE = timedelta(seconds=30)

USER_CATEGORIES = frozenset({"user_code", "timeout", "exit", "oom", "import_error"})
"""Ends without a report that are the user's failures. All other ones are the infrastructure's."""


def infra_pause(failures: int) -> timedelta:
    """How long to wait after a try has lost its `failures`th attempt to the infrastructure.

    The first one is replaced at once. What is lost again and again has a cause that needs time.
    """
    if failures <= 1:
        return timedelta()
    return min(timedelta(seconds=3 ** (min(failures, 9) - 1)), MAX_INFRA_PAUSE)


def may_retry(ti: TaskInstance) -> bool:
    """A clear has raised `max_tries` so that the task's retries count from there."""
    return ti.try_number <= ti.max_tries


def retry_delay(spec: TaskSpec, facts: RunFacts, try_number: int) -> float:
    """How many seconds to wait after try `try_number` (from 1) has failed.

    Constant, or exponential: base × factor^(try-1), rounded up to whole seconds, plus up to as much
    again. That part is Airflow's: fixed by a hash, so the same instance waits equally long however
    often one asks, and instances that failed together do not all come back together.
    """
    factor = spec.retry_exponential_backoff
    if factor <= 0 or factor == 1:
        return spec.retry_delay_seconds
    try:
        base = max(1, math.ceil(spec.retry_delay_seconds * factor ** (try_number - 1)))
    except (OverflowError, ValueError):  # the latter: the factor is no number
        base = MAX_DELAY_SECONDS
    key = f"{facts.dag_id}#{spec.task_id}#{facts.logical_date}#{try_number}"
    jitter = int(sha1(key.encode(), usedforsecurity=False).hexdigest(), 16) % base
    seconds: float = min(base + jitter, MAX_DELAY_SECONDS)
    if spec.max_retry_delay_seconds:
        seconds = min(seconds, spec.max_retry_delay_seconds)
    return seconds


def retry_at(
    spec: TaskSpec, facts: RunFacts, ti: TaskInstance, ended: datetime, override: float | None
) -> datetime:
    """When the next try is due. `override`: seconds that a retry policy asked for instead."""
    seconds = retry_delay(spec, facts, ti.try_number) if override is None else override
    return later(ended, seconds)
