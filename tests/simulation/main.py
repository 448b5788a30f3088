"""`python -m simulation.main`: play seeds, and for one that fails, say how to see it again.

python -m simulation.main --seeds 1000            so many, from a random one on
python -m simulation.main --seed 4711             one, with everything that happens in it
"""

import os
import sys

if __name__ == "__main__" and os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"  # the order in sets of strings is part of a seed
    os.execv(sys.executable, [sys.executable, "-m", "simulation.main", *sys.argv[1:]])

import argparse
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from random import SystemRandom

from simulation.case import Case
from simulation.database import new_database
from simulation.play import play
from simulation.shrink import shrink
from simulation.workload import make_case

_AT_ONCE = (50, 250)  # seeds that a worker plays on one database; a new one must warm up
_SHRINK_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Play simulated worlds and check them.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, help="the first one; random if not given")
    parser.add_argument("--seed", type=int, help="this one only, with all that happens in it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        return show(chosen.seed)
    first = chosen.first if chosen.first is not None else SystemRandom().randrange(10**9)
    return play_many(first, chosen.seeds, chosen.workers)


# --- many -----------------------------------------------------------------------------------------


def play_many(first: int, count: int, workers: int) -> int:
    print(f"Playing {count} seeds from {first} on, {workers} at once.", flush=True)
    began = time.monotonic()
    totals: Counter[str] = Counter()
    failed: list[tuple[int, list[str]]] = []
    least, most = _AT_ONCE
    size = max(least, min(most, count // workers))
    batches = [range(n, min(n + size, first + count)) for n in range(first, first + count, size)]
    with ProcessPoolExecutor(workers) as pool:
        for counted, broken in pool.map(_play_batch, batches):
            totals.update(counted)
            failed += broken
            for seed, found in broken:
                print(f"Seed {seed} fails: {found[0]}", flush=True)
            print(f"  {totals['seeds']} of {count}", flush=True)
    _sum_up(totals, time.monotonic() - began)
    if not failed:
        return 0
    seed, _ = failed[0]
    print(f"\n{len(failed)} seeds fail. The first of them, as small as it gets:\n")
    show_smallest(seed)
    return 1


def _play_batch(seeds: range) -> tuple[Counter[str], list[tuple[int, list[str]]]]:
    totals: Counter[str] = Counter()
    failed = []
    with new_database() as database, _little_garbage_collection() as collect:
        began = time.process_time()
        for number, seed in enumerate(seeds, 1):
            if number % 50 == 0:
                collect()
            outcome = play(make_case(seed), database)
            totals.update(outcome.totals)
            totals["seeds"] += 1
            if outcome.broken:
                failed.append((seed, outcome.broken))
        totals["cpu_ms"] += round((time.process_time() - began) * 1000)
    return totals, failed


@contextmanager
def _little_garbage_collection() -> Iterator[Callable[[], int]]:
    """Looking for it all the time costs a tenth of everything, and a world leaves little behind."""
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.enable()


def _sum_up(totals: Counter[str], seconds: float) -> None:
    seeds = totals["seeds"]
    print(
        f"{seeds} seeds in {seconds:.0f} s ({seeds / seconds:.1f}/s,"
        f" {totals['cpu_ms'] / seeds:.1f} ms of CPU each):"
        f" {totals['attempts']} attempts, {totals['transactions']} transactions,"
        f" {totals['deeds']} deeds."
    )
    faults = {key: n for key, n in totals.items() if key.startswith("fault ")}
    named = ", ".join(f"{key.removeprefix('fault ')} {n}" for key, n in sorted(faults.items()))
    print(f"Faults: {sum(faults.values())} ({named}).")


# --- one ------------------------------------------------------------------------------------------


def show(seed: int) -> int:
    """Everything that happens in one seed; if it fails, in its smallest form."""
    with new_database() as database:
        outcome = play(make_case(seed), database, tracing=True)
    if outcome.broken:
        show_smallest(seed)
        return 1
    print("\n".join(outcome.trace))
    print(f"Seed {seed} holds.")
    return 0


def show_smallest(seed: int) -> None:
    with new_database() as database:
        case = shrink(make_case(seed), database, seconds=_SHRINK_SECONDS)
        outcome = play(case, database, tracing=True)
    print("\n".join(describe(case)))
    print("\n".join(outcome.trace))
    print("\n".join(outcome.broken))
    print(f"\nSeed {seed}. To see it again: make simulate SEED={seed}")


def describe(case: Case) -> Iterator[str]:
    yield f"{case.schedulers} schedulers, parallelism {case.parallelism}"
    for dag in case.dags:
        yield f"DAG {dag.dag_id}: max_active_runs {dag.max_active_runs}, {dag.timetable}"
        for task in dag.tasks:
            yield f"    {task}"
    for part in (*case.deeds, *case.faults):
        yield str(part)


if __name__ == "__main__":
    sys.exit(main())
