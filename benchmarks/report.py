"""RESULTS.md out of everything that has been measured."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import plot
from benchmarks.budgets import budgets
from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import Measured, Results, best, median_seconds
from benchmarks.shapes import SHAPES, Shape

SQLITE, POSTGRESQL, AIRFLOW = "tradewind-sqlite", "tradewind-postgresql", "airflow"
ENGINES = (SQLITE, POSTGRESQL, AIRFLOW)

_HEAD = """# Results

Written by `python -m benchmarks` from `results.json`; `README.md` says how to read and repeat it.

- {machine}
- Tradewind and Airflow: {slots} slots. Last command: `{command}`
- Measured {first} to {last}; load averages before a visit {loads}. On a machine that has nothing
  else to do the load before a visit is what the visit before has left behind.

Times are the best of all runs, by the contestant's own records, from the first run's start to the
last one's end; in brackets the median and the number of runs. "×" is how many times as long as
Tradewind a contestant takes for a task. CPU is that of all processes, a database server apart.
"""
_FAIRNESS = """
What else to bear in mind:

- Tradewind and Airflow watch DAG files, keep schedules, retries, limits, versions and logs, and can
  be asked what they did; Celery and the bare loop do nothing of the kind.
- Celery's children live on from task to task. A task that leaks, crashes or changes global state is
  the next one's trouble. Tradewind, Luigi and Dagster's processes begin anew for each task.
- Tradewind forks from a process that has the DAG file imported; Airflow imports it for each task.
- PostgreSQL is as it comes (fsync and synchronous_commit on), with 256 MB of shared buffers and
  pg_stat_statements. Statements are as the server counted them: a row of a batch is one, and what
  is polled meanwhile is counted too.
- Airflow runs with its REST server, which its tasks report to, and with the triggerer; Tradewind's
  `standalone` has no web interface yet.
- Both have their default configuration, but for the number of slots and for how long a DAG file
  may take to load.
- Server starts are not measured. Each visit begins with a run of another DAG.
- Tradewind and Airflow run up to 16 tasks at once; Celery, Luigi, and Prefect and Dagster in
  processes have two workers, as there are two cores. With so little work in a task it is the
  machinery that limits them, not the slots.
- Prefect's tasks are over before their ends are stored, which takes it up to a minute for 500;
  Celery's broker and results are in memory. Tradewind and Airflow start nothing that is not stored.
"""


def write(results: Results, folder: Path) -> None:
    sections = [
        _head(results),
        _section("Budgets", ["what", "measured", "budget", ""], budgets(results)),
        _section("Beside Airflow", _AIRFLOW_COLUMNS, _beside_airflow(results)),
        _section("Beside peers", _PEER_COLUMNS, _beside_peers(results)),
        _section("What a task costs", _COST_COLUMNS, _costs(results)),
        _latency(results),
        _growth(results, folder),
        _section("What makes it unfair", _TERM_COLUMNS, _terms(results)) + _FAIRNESS,
        _section("Releases", ["contestant", "releases"], _releases(results)),
        _failures(results),
    ]
    text = "\n".join(section.rstrip() + "\n" for section in sections if section)
    (folder / "RESULTS.md").write_text(text)


def _head(results: Results) -> str:
    visits = results.visits
    loads = [visit.load[0] for visit in visits]
    return _HEAD.format(
        machine=results.machine,
        slots=results.slots,
        command=results.command,
        first=f"{min(visit.at for visit in visits):%Y-%m-%d %H:%M}" if visits else "never",
        last=f"{max(visit.at for visit in visits):%Y-%m-%d %H:%M} UTC" if visits else "",
        loads=f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown",
    )


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    found = [row for row in rows]
    return f"## {title}\n\n{_table(columns, found)}\n" if found else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --- times ----------------------------------------------------------------------------------------

_AIRFLOW_COLUMNS = [
    "shape",
    "Tradewind, SQLite",
    "Tradewind, PostgreSQL",
    "Airflow, PostgreSQL",
    "× on PostgreSQL",
]
_PEER_COLUMNS = ["contestant", "chain of 40", "×", "500 parallel", "tasks/s", "×", "CPU a task"]


def _beside_airflow(results: Results) -> Iterable[list[str]]:
    for shape in SHAPES.values():
        if not results.of(shape.name, AIRFLOW):
            continue
        ours = POSTGRESQL if results.runs(shape.name, POSTGRESQL) else SQLITE
        cells = [_CELLS[shape.kind](results.runs(shape.name, name), shape) for name in ENGINES]
        yield [shape.title, *cells, _ratio(results, shape.name, AIRFLOW, ours)]


def _time_cell(runs: list[Measured], shape: Shape) -> str:
    if not runs:
        return ""
    run = best(runs)
    if run.stopped:
        done = f"{run.tasks:,} of {run.expected:,}"
        return f"stopped after {run.seconds:.0f} s: {done}, {run.rate:.1f}/s"
    text = _seconds(run.seconds)
    if run.expected >= 100:
        text += f", {run.rate:.0f}/s" if run.rate >= 10 else f", {run.rate:.1f}/s"
    if len(runs) > 1:
        text += f" ({_seconds(median_seconds(runs))}, {len(runs)})"
    return text


def _idle_cell(runs: list[Measured], shape: Shape) -> str:
    if not runs:
        return ""
    run = best(runs)
    minute = 60 / run.seconds
    text = f"{(run.cpu_seconds or 0) * minute:.2f} s CPU, {run.memory_mb:.0f} MB PSS"
    if run.statements is not None:
        database = (run.database_cpu_seconds or 0) * minute
        text += f"; database {database:.2f} s, {run.statements * minute:.0f} statements"
    return text


def _imports_cell(runs: list[Measured], shape: Shape) -> str:
    if not runs:
        return ""
    return f"{runs[0].seconds * 1e3:.0f} ms CPU, {runs[0].memory_mb:.0f} MB"


_CELLS: dict[str, Callable[[list[Measured], Shape], str]] = {
    "run": _time_cell,
    "parse": _time_cell,
    "idle": _idle_cell,
    "imports": _imports_cell,
}


def _ratio(results: Results, shape: str, whose: str, to: str) -> str:
    theirs, ours = results.runs(shape, whose), results.runs(shape, to)
    if not theirs or not ours:
        return ""
    cost = _idle_cost if SHAPES[shape].kind == "idle" else _task_cost
    a, b = cost(best(theirs)), cost(best(ours))
    if not b:
        return ""
    return f"{a / b:.0f}" if a / b >= 10 else f"{a / b:.2g}"


def _task_cost(run: Measured) -> float:
    return run.seconds / run.tasks if run.tasks else run.seconds


def _idle_cost(run: Measured) -> float:
    return (run.cpu_seconds or 0.0) / run.seconds


def _beside_peers(results: Results) -> Iterable[list[str]]:
    for name, contestant in CONTESTANTS.items():
        chain, parallel = results.runs("chain", name), results.runs("parallel", name)
        if not chain and not parallel:
            continue
        yield [
            contestant.terms.title,
            _time_cell(chain, SHAPES["chain"]),
            _ratio(results, "chain", name, SQLITE),
            _time_cell(parallel, SHAPES["parallel"]),
            f"{best(parallel).rate:.3g}" if parallel else "",
            _ratio(results, "parallel", name, SQLITE),
            _milliseconds(_cpu(parallel)),
        ]


def _cpu(runs: list[Measured]) -> float | None:
    found = [cpu for run in runs if (cpu := run.per_task_ms(run.cpu_seconds)) is not None]
    return min(found, default=None)


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


# --- costs ----------------------------------------------------------------------------------------

_COST_COLUMNS = [
    "shape",
    "contestant",
    "CPU a task",
    "database's CPU a task",
    "statements a task",
    "memory (PSS)",
]


def _costs(results: Results) -> Iterable[list[str]]:
    for shape in SHAPES.values():
        for name in ENGINES:
            runs = [run for run in results.runs(shape.name, name) if run.tasks]
            if not runs or shape.kind != "run" or shape.growth:
                continue
            run = min(runs, key=lambda run: run.cpu_seconds or 0.0)
            yield [
                shape.title,
                CONTESTANTS[name].terms.title,
                _milliseconds(run.per_task_ms(run.cpu_seconds)),
                _milliseconds(run.per_task_ms(run.database_cpu_seconds)),
                f"{run.statements / run.tasks:.1f}" if run.statements else "",
                f"{max(run.memory_mb or 0 for run in runs):.0f} MB",
            ]


def _latency(results: Results) -> str:
    """A table for each contestant that tells phases: they are not the same ones."""
    parts = []
    for name in ENGINES:
        found = [run for run in results.runs("chain", name) if run.phases]
        if not found:
            continue
        phases = min(found, key=lambda run: run.seconds).phases or {}
        columns = [CONTESTANTS[name].terms.title, *phases]
        parts.append(_table(columns, [["ms", *(f"{value:.1f}" for value in phases.values())]]))
    if not parts:
        return ""
    text = (
        "From one task's user code to the next one's, in the chain of 40: how long after what"
        "\nstands to the left each thing happened. Medians of the best run."
    )
    return f"## Latency by phase\n\n{text}\n\n" + "\n\n".join(parts) + "\n"


# --- growth ---------------------------------------------------------------------------------------

_GROWTH_COLUMNS = ["", "contestant", "seconds", "time a task", "CPU a task", "memory (PSS)"]


def _growth(results: Results, folder: Path) -> str:
    rows = []
    points: dict[str, list[plot.Point]] = {}
    for shape in sorted(SHAPES.values(), key=lambda shape: (shape.growth or "", shape.tasks)):
        for name in ENGINES if shape.growth else ():
            runs = [run for run in results.runs(shape.name, name) if run.tasks]
            if not runs:
                continue
            run = best(runs)
            title = CONTESTANTS[name].terms.title
            rows.append(
                [
                    shape.title,
                    title,
                    _time_cell(runs, shape),
                    _milliseconds(run.per_task_ms(run.seconds)),
                    _milliseconds(_cpu(runs)),
                    f"{run.memory_mb or 0:.0f} MB",
                ]
            )
            size = shape.runs if shape.growth == "runs" else shape.tasks
            point = plot.Point(
                title, size, run.per_task_ms(run.seconds) or 0.0, _cpu(runs) or 0.0, run.memory_mb
            )
            points.setdefault(shape.growth or "", []).append(point)
    if not rows:
        return ""
    text = _section("Growth", _GROWTH_COLUMNS, rows)
    return text + "\n![Growth](growth.png)\n" if plot.draw(points, folder / "growth.png") else text


# --- fine print -----------------------------------------------------------------------------------

_TERM_COLUMNS = ["contestant", "isolation", "what is kept", "whose records the times are from"]


def _measured(results: Results) -> Iterable[str]:
    return (name for name in CONTESTANTS if any(v.contestant == name for v in results.visits))


def _terms(results: Results) -> Iterable[list[str]]:
    for name in _measured(results):
        terms = CONTESTANTS[name].terms
        yield [terms.title, terms.isolation, terms.durability, terms.records]


def _releases(results: Results) -> Iterable[list[str]]:
    for name in _measured(results):
        versions: dict[str, str] = {}
        for visit in results.visits:
            if visit.contestant == name:
                versions |= visit.versions
        text = ", ".join(f"{package} {version}" for package, version in versions.items())
        yield [CONTESTANTS[name].terms.title, text]


def _failures(results: Results) -> str:
    lines = [
        f"- {SHAPES[visit.shape].title}, {CONTESTANTS[visit.contestant].terms.title}: "
        f"{visit.error.splitlines()[0] if visit.error else ''}"
        for visit in results.visits
        if visit.error is not None
    ]
    return "## Could not be measured\n\n" + "\n".join(lines) + "\n" if lines else ""
