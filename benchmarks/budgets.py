"""The budgets, and what was measured of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.measure import Measured, Results, best
from benchmarks.shapes import SHAPES

_SQLITE, _POSTGRESQL = "tradewind-sqlite", "tradewind-postgresql"


@dataclass(frozen=True)
class Budget:
    what: str
    shape: str
    contestant: str
    value: Callable[[Measured], float]
    most: float | None = None
    least: float | None = None
    text: str = "{:.2f}"

    def row(self, runs: list[Measured]) -> list[str]:
        value = self.value(best(runs))
        limit = self.most if self.most is not None else self.least
        assert limit is not None  # each has one of the two
        met = value <= limit if self.most is not None else value >= limit
        sign = "at most" if self.most is not None else "at least"
        return [
            self.what,
            self.text.format(value),
            f"{sign} {self.text.format(limit)}",
            "met" if met else "**missed**",
        ]


def _minute_of_cpu(run: Measured) -> float:
    return (run.cpu_seconds or 0.0) * 60 / run.seconds


def _both(what: str, shape: str, **more: object) -> list[Budget]:
    return [
        Budget(f"{what}, SQLite", shape, _SQLITE, **more),  # type: ignore[arg-type]
        Budget(f"{what}, PostgreSQL", shape, _POSTGRESQL, **more),  # type: ignore[arg-type]
    ]


_BUDGETS = [
    *_both("500 parallel", "parallel", value=lambda run: run.rate, least=265, text="{:.0f}/s"),
    *_both("chain of 40", "chain", value=lambda run: run.seconds, most=0.75, text="{:.2f} s"),
    *_both(
        "from one task's user code to the next one's",
        "chain",
        value=lambda run: (run.phases or {}).get("in all", 0.0),
        most=18.0,
        text="{:.1f} ms",
    ),
    Budget(
        "statements for a task of the chain, each row of a batch counted",
        "chain",
        _POSTGRESQL,
        value=lambda run: (run.statements or 0) / max(run.tasks, 1),
        most=6.0,
        text="{:.1f}",
    ),
    Budget(
        "import tradewind.sdk: CPU",
        "imports",
        _SQLITE,
        value=lambda run: run.seconds * 1e3,
        most=60.0,
        text="{:.0f} ms",
    ),
    Budget(
        "import tradewind.sdk: memory",
        "imports",
        _SQLITE,
        value=lambda run: run.memory_mb or 0.0,
        most=25.0,
        text="{:.0f} MB",
    ),
    *_both("CPU in an idle minute", "idle", value=_minute_of_cpu, most=1.0, text="{:.2f} s"),
    *_both(
        "memory when idle",
        "idle",
        value=lambda run: run.memory_mb or 0.0,
        most=200.0,
        text="{:.0f} MB PSS",
    ),
]


def budgets(results: Results) -> Iterable[list[str]]:
    for budget in _BUDGETS:
        if runs := results.runs(budget.shape, budget.contestant):
            yield budget.row(runs)
    yield from _beside_the_bare_loop(results)
    yield from _growth(results)


def _beside_the_bare_loop(results: Results) -> Iterable[list[str]]:
    bare, ours = results.runs("parallel", "bare-fork"), results.runs("parallel", _SQLITE)
    if bare and ours:
        times = best(ours).seconds / best(bare).seconds
        met = "met" if times <= 2 else "**missed**"
        yield ["500 parallel beside the bare fork loop", f"{times:.1f} times", "2 times", met]


def _growth(results: Results) -> Iterable[list[str]]:
    """Time a task in the largest that was measured, beside the one of a thousand tasks or runs."""
    for kind, base in (("tasks", "tasks-1000"), ("runs", "runs-100")):
        for name in (_SQLITE, _POSTGRESQL):
            sizes = [shape for shape in SHAPES.values() if shape.growth == kind]
            measured = [shape for shape in sizes if results.runs(shape.name, name)]
            if not measured or not results.runs(base, name):
                continue
            largest = max(measured, key=lambda shape: shape.tasks)
            if largest.name == base:
                continue
            a, b = (best(results.runs(each, name)) for each in (largest.name, base))
            times = (a.seconds / max(a.tasks, 1)) / (b.seconds / max(b.tasks, 1))
            yield [
                f"time a task, {largest.title} beside {SHAPES[base].title}, {name}",
                f"{times:.2f} times",
                "flat",
                "met" if times <= 1.25 else "**missed**",
            ]
