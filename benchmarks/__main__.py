"""Measure shapes with contestants, and write what came of it.

    python -m benchmarks [--only chain,parallel] [--with tradewind-sqlite,airflow] [--quick]

Without arguments: everything but the two largest shapes, in about half an hour on two cores. What
is measured takes the place of what was measured before; all else in the results stays.
"""

import argparse
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType

from benchmarks import report
from benchmarks.contestants import CONTESTANTS
from benchmarks.harness import Plan, carry_out
from benchmarks.measure import Results, machine
from benchmarks.shapes import SHAPES

HERE = Path(__file__).parent
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
QUICK = HERE.parent / ".make" / "bench" / "quick"


def main() -> None:
    given = _arguments()
    for number in _SIGNALS:
        signal.signal(number, _stop)
    folder = given.output or (QUICK if given.quick else HERE)
    results = Results.read(folder / "results.json")
    failed = 0
    if not given.render:
        results.machine, results.slots = machine(), given.slots
        results.command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        for visit in carry_out(_plan(given), results):
            failed += visit.error is not None
            results.write(folder / "results.json")
    report.write(results, folder)
    print(f"Written: {folder / 'RESULTS.md'}")
    if failed:
        raise SystemExit(f"{failed} visits have failed.")


def _stop(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that everything that was started is stopped; impatience, which sends
    the signal once more, must not cut that short."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(f"Stopping: {signal.Signals(number).name}")


def _plan(given: argparse.Namespace) -> Plan:
    shapes = [SHAPES[name] for name in given.only] if given.only else _usual_shapes(given)
    repeats = [item.partition("=") for item in given.repeat]
    usual = [int(name) for name, _, number in repeats if not number]
    plan = Plan(
        shapes=shapes,
        contestants=[CONTESTANTS[name] for name in given.contestants or CONTESTANTS],
        slots=given.slots,
        rounds=given.rounds or (1 if given.quick else 2),
        repeat=usual[-1] if usual else (2 if given.quick else 5),
        repeat_of={name: int(number) for name, _, number in repeats if number},
        limit_seconds=given.limit or (30.0 if given.quick else 60.0),
        idle_seconds=given.idle,
    )
    if unknown := plan.repeat_of.keys() - CONTESTANTS.keys():
        raise SystemExit(f"--repeat: there is no {', '.join(sorted(unknown))}")
    return plan


def _usual_shapes(given: argparse.Namespace) -> list:
    if given.quick:
        return [shape for shape in SHAPES.values() if shape.is_quick]
    return [shape for shape in SHAPES.values() if given.full or not shape.is_huge]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", type=_names_of(SHAPES), metavar="SHAPES", help=f"of: {', '.join(SHAPES)}")
    add(
        "--with",
        dest="contestants",
        type=_names_of(CONTESTANTS),
        metavar="CONTESTANTS",
        help=f"of: {', '.join(CONTESTANTS)}",
    )
    add("--quick", action="store_true", help="imports, chain, parallel; a few minutes")
    add("--full", action="store_true", help="100,000 tasks and 10,000 runs as well; hours")
    add(
        "--repeat",
        action="append",
        default=[],
        metavar="N or CONTESTANT=N",
        help="runs a visit; usually 5, and no new one after 10 seconds",
    )
    add("--rounds", type=int, help="usually 2; who takes more than 20 seconds has one")
    add("--limit", type=float, help="seconds for a run of a shape; usually 60")
    add("--idle", type=float, default=60.0, help="seconds for which idling is measured")
    add("--slots", type=int, default=16, help="most tasks at once in Tradewind and Airflow")
    add("--output", type=Path, help="folder for the results, instead of this one")
    add("--render", action="store_true", help="write RESULTS.md anew from results.json")
    return parser.parse_args()


def _names_of(known: dict):
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"there is no {', '.join(unknown)}; there are {', '.join(known)}"
            )
        return names

    return parse


if __name__ == "__main__":
    main()
