"""Trigger rules: what the states of a task's upstreams, so far, mean for the task.

The rules are judged while upstreams still run, so that a decided one acts at once. Source of the
rules: Airflow 3.3's documentation and behaviour, its surprises included (see the tests).
"""

from collections.abc import Callable
from enum import Enum

from tradewind.core.states import TaskInstanceState, TriggerRule

SUCCESS = TaskInstanceState.SUCCESS
FAILED = TaskInstanceState.FAILED
SKIPPED = TaskInstanceState.SKIPPED
UPSTREAM_FAILED = TaskInstanceState.UPSTREAM_FAILED
REMOVED = TaskInstanceState.REMOVED


class Verdict(Enum):
    """What a rule says to an instance: run, go on waiting, or end in a state without running."""

    RUN = "run"
    WAIT = "wait"
    SKIP = SKIPPED
    UPSTREAM_FAILED = UPSTREAM_FAILED
    REMOVE = REMOVED

    @property
    def is_end(self) -> bool:
        return self is not Verdict.RUN and self is not Verdict.WAIT


class Tally:
    """How many of the watched instances there are, and how many are in each finished state.

    `setups*` count the setups among them a second time. `expected` counts tasks that have no
    instance, too, where nothing is mapped.
    """

    __slots__ = (
        "expected",
        "failed",
        "removed",
        "setups",
        "setups_skipped",
        "setups_success",
        "skipped",
        "success",
        "upstream_failed",
    )

    def __init__(self, expected: int = 0, setups: int = 0) -> None:
        self.expected = expected
        self.setups = setups
        self.success = self.failed = self.skipped = self.upstream_failed = self.removed = 0
        self.setups_success = self.setups_skipped = 0

    @property
    def done(self) -> int:
        return self.success + self.failed + self.skipped + self.upstream_failed + self.removed

    @property
    def all_done(self) -> bool:
        return self.done >= self.expected

    def expect(self, is_setup: bool, step: int) -> None:
        """Count one instance more (`step` 1) or less (-1)."""
        self.expected += step
        if is_setup:
            self.setups += step

    def count(self, state: TaskInstanceState, is_setup: bool, step: int) -> None:
        """Count one instance more or less in `state`; unfinished states are not counted."""
        if state is SUCCESS:
            self.success += step
            self.setups_success += step * is_setup
        elif state is SKIPPED:
            self.skipped += step
            self.setups_skipped += step * is_setup
        elif state is FAILED:
            self.failed += step
        elif state is UPSTREAM_FAILED:
            self.upstream_failed += step
        elif state is REMOVED:
            self.removed += step

    def signature(self) -> tuple[bool | int, ...]:
        """All that any rule can tell apart: while it stays the same, no verdict changes."""
        return (
            self.success > 0,
            self.failed > 0,
            self.skipped > 0,
            self.upstream_failed > 0,
            self.removed > 0,
            self.success if self.removed else 0,
            self.all_done,
            self.expected > 0,
            self.setups > 0,
            self.setups_success > 0,
            self.setups_skipped >= self.setups,
        )

    def plus(self, other: "Tally") -> "Tally":
        total = Tally(self.expected + other.expected, self.setups + other.setups)
        for name in ("success", "failed", "skipped", "upstream_failed", "removed"):
            setattr(total, name, getattr(self, name) + getattr(other, name))
        total.setups_success = self.setups_success + other.setups_success
        total.setups_skipped = self.setups_skipped + other.setups_skipped
        return total


def decide_rule(rule: TriggerRule, tally: Tally, map_index: int = -1) -> Verdict:
    """Judge `rule` over the upstreams' tally. A task without upstreams must not be asked about."""
    if rule is TriggerRule.ALL_SUCCESS:
        return _all_success(tally, map_index)
    return _RULES[rule](tally)


def decide_setups(tally: Tally, map_index: int = -1) -> Verdict:
    """Judge the setups further up, all of which must succeed. The rule is as all_success."""
    if tally.failed or tally.upstream_failed:
        return Verdict.UPSTREAM_FAILED
    if tally.skipped:
        return Verdict.SKIP
    if _is_surplus(tally, map_index):
        return Verdict.REMOVE
    removed = tally.removed if map_index >= 0 else 0
    return Verdict.RUN if tally.expected - tally.success - removed <= 0 else Verdict.WAIT


def _is_surplus(tally: Tally, map_index: int) -> bool:
    """A mapped instance beyond what its upstreams, some of them removed, still have."""
    return bool(tally.removed and tally.success) and map_index >= tally.success


def _run_if(condition: bool) -> Verdict:
    return Verdict.RUN if condition else Verdict.WAIT


def _all_success(tally: Tally, map_index: int) -> Verdict:
    if tally.failed or tally.upstream_failed:
        return Verdict.UPSTREAM_FAILED
    if tally.skipped:
        return Verdict.SKIP
    if _is_surplus(tally, map_index):
        return Verdict.REMOVE
    return _run_if(tally.success + tally.removed >= tally.expected)


def _all_failed(tally: Tally) -> Verdict:
    if tally.success or tally.skipped:
        return Verdict.SKIP
    return _run_if(tally.failed + tally.upstream_failed + tally.removed >= tally.expected)


def _all_done(tally: Tally) -> Verdict:
    return _run_if(tally.all_done)


def _all_done_min_one_success(tally: Tally) -> Verdict:
    """Any skip skips; it is enough that one upstream was skipped, whatever the others do."""
    if tally.skipped:
        return Verdict.SKIP
    if not tally.all_done:
        return Verdict.WAIT
    return Verdict.RUN if tally.success else Verdict.UPSTREAM_FAILED


def _all_done_setup_success(tally: Tally) -> Verdict:
    """The teardowns' rule: all done, and one of the setups, if there are any, succeeded."""
    if not tally.all_done:
        return Verdict.WAIT
    if not tally.setups or tally.setups_success:
        return Verdict.RUN
    return Verdict.SKIP if tally.setups_skipped >= tally.setups else Verdict.UPSTREAM_FAILED


def _all_skipped(tally: Tally) -> Verdict:
    if tally.success or tally.failed or tally.upstream_failed:
        return Verdict.SKIP
    return _run_if(tally.skipped >= tally.expected)


def _one_success(tally: Tally) -> Verdict:
    if tally.success:
        return Verdict.RUN
    if not tally.all_done:
        return Verdict.WAIT
    return Verdict.SKIP if tally.done == tally.skipped else Verdict.UPSTREAM_FAILED


def _one_failed(tally: Tally) -> Verdict:
    if tally.failed or tally.upstream_failed:
        return Verdict.RUN
    return Verdict.SKIP if tally.all_done else Verdict.WAIT


def _one_done(tally: Tally) -> Verdict:
    """Done means success or failed here; upstreams that were only passed over do not count."""
    if tally.success or tally.failed:
        return Verdict.RUN
    return Verdict.SKIP if tally.all_done else Verdict.WAIT


def _none_failed(tally: Tally) -> Verdict:
    if tally.failed or tally.upstream_failed:
        return Verdict.UPSTREAM_FAILED
    return _run_if(tally.all_done)


def _none_failed_min_one_success(tally: Tally) -> Verdict:
    if tally.failed or tally.upstream_failed:
        return Verdict.UPSTREAM_FAILED
    if tally.skipped == tally.expected:
        return Verdict.SKIP
    if not tally.all_done:
        return Verdict.WAIT
    return Verdict.RUN if tally.success else Verdict.UPSTREAM_FAILED


def _none_skipped(tally: Tally) -> Verdict:
    if tally.skipped:
        return Verdict.SKIP
    return _run_if(tally.all_done)


_RULES: dict[TriggerRule, Callable[[Tally], Verdict]] = {
    TriggerRule.ALL_FAILED: _all_failed,
    TriggerRule.ALL_DONE: _all_done,
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: _all_done_min_one_success,
    TriggerRule.ALL_DONE_SETUP_SUCCESS: _all_done_setup_success,
    TriggerRule.ALL_SKIPPED: _all_skipped,
    TriggerRule.ONE_SUCCESS: _one_success,
    TriggerRule.ONE_FAILED: _one_failed,
    TriggerRule.ONE_DONE: _one_done,
    TriggerRule.NONE_FAILED: _none_failed,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: _none_failed_min_one_success,
    TriggerRule.NONE_SKIPPED: _none_skipped,
    TriggerRule.ALWAYS: lambda tally: Verdict.RUN,
}
