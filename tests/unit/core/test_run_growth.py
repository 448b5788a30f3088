"""What an event costs, counted in operations: it must not grow with the run."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from support.worlds import START, dag, group, new_run, over, returned, start, task
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import Succeeded
from tradewind.core.runs.run import Run


def lines_run(action: Callable[[], object]) -> int:
    """How many lines of Python the action executes."""
    count = 0

    def line(frame: FrameType, event: str, arg: object) -> object:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def finish_one(run: Run) -> None:
    """Claim, start and finish the next instance, and advance: the hot path of one task."""
    [ti] = run.claimable(1)
    run.claimed(ti, 1, START)
    run.started(ti, START)
    run.reported(ti, returned(1), START)
    run.advance(START)
    run.take_changes()


def fan_in(width: int) -> SerializedDag:
    upstream = [f"u{n:05}" for n in range(width)]
    return dag(*(task(u) for u in upstream), task("join", *upstream), task("end", "join"))


def mapped_fan_in(width: int) -> SerializedDag:
    return dag(task("many", expansion=over(width)), task("join", "many"))


def chain(length: int) -> SerializedDag:
    later = (task(f"t{n:05}", f"t{n - 1:05}") for n in range(1, length))
    return dag(task("t00000"), *later)


def mapped_group(width: int) -> SerializedDag:
    first = task("g.a", group_id="g")
    second = task("g.b", "g.a", group_id="g")
    return dag(first, second, task("join", "g.b"), groups=[group("g", width)])


def mapped_over_mapped(width: int) -> SerializedDag:
    return dag(
        task("source", expansion=over(width)),
        task("other", expansion=over(width)),
        task("next", "source", "other", expansion=over("source")),
    )


def guarded(width: int) -> SerializedDag:
    work = [f"w{n:05}" for n in range(width)]
    return dag(
        task("setup", is_setup=True),
        task("first", "setup"),
        *(task(w, "first") for w in work),
        task("last", *work),
        task("teardown", "setup", "last", is_teardown=True, trigger_rule="all_done_setup_success"),
    )


def several_limits(width: int) -> SerializedDag:
    tasks = [
        task(f"t{n:05}", pool=f"pool{n % 3}", priority_weight=n, weight=n) for n in range(width)
    ]
    return dag(*tasks)


SHAPES = [
    fan_in,
    mapped_fan_in,
    chain,
    mapped_group,
    mapped_over_mapped,
    guarded,
    several_limits,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_cost_of_one_task_does_not_grow(shape: Callable[[int], SerializedDag]) -> None:
    def cost(size: int) -> int:
        run = new_run(shape(size))
        for _ in range(5):
            finish_one(run)  # past what happens once, such as the first ones of a mapped task
        return max(lines_run(lambda: finish_one(run)) for _ in range(5))

    small, large = cost(50), cost(2_000)
    assert large <= small * 1.5 + 50, (small, large)


def test_expansion_costs_its_length() -> None:
    def expand(length: int) -> int:
        run = new_run(dag(task("source"), task("many", "source", expansion=over("source"))))
        ti = start(run, "source")
        run.reported(ti, returned(length), START)
        return lines_run(lambda: run.advance(START))

    assert expand(2_000) <= expand(100) * 25


def test_large_runs_are_created_and_finished() -> None:
    """Ten thousand tasks into one and ten thousand out of it, each looked at a few times only."""
    width = 10_000
    upstream = [f"u{n:05}" for n in range(width)]
    downstream = [task(f"v{n:05}", "join") for n in range(width)]
    run = new_run(dag(*(task(u) for u in upstream), task("join", *upstream), *downstream))
    done = 0
    while ready := run.claimable():
        for ti in ready:
            run.claimed(ti, 1, START)
            run.reported(ti, Succeeded(), START)
            done += 1
        run.advance(START)
    assert done == 2 * width + 1
    assert str(run.facts.state) == "success"
