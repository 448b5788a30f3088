"""`make fuzz-guided`: atheris makes up bytes, guided by the code that they reach.

It finds what is too rare for `make fuzz`: patterns that take for ever, and broken bytes in the
middle of what is well formed. Runs with the interpreter of an environment of its own, one target
a process.
"""

import argparse
import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import atheris

with atheris.instrument_imports(include=["tradewind"]):
    from tradewind.bundles.discovery import is_ignored, read_rules
    from tradewind.cli.logs import print_record
    from tradewind.core.dag import decode, encode
    from tradewind.core.errors import InvalidDag, TradewindError
    from tradewind.core.runs.plan import plan
    from tradewind.core.timetables import description, following_slot, summary, validate
    from tradewind.core.timetables.base import NoTick
    from tradewind.core.timetables.cron import CronTicks
    from tradewind.sdk.connection import Connection
    from tradewind.sdk.exceptions import AirflowException

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ignore_file(data: bytes) -> None:
    """Glob syntax alone: a regular expression may take as long as its author wants."""
    text, _, path = data.decode(errors="replace").rpartition("\n")
    rules = read_rules(text, PurePosixPath(), "glob")
    for is_dir in (False, True):
        is_ignored(PurePosixPath(path.strip("/")[:24] or "a"), is_dir, rules)


def log_line(data: bytes) -> None:
    with redirect_stdout(io.StringIO()):
        print_record(data + b"\n", "info")


def connection(data: bytes) -> None:
    try:
        made = Connection.from_text(data.decode(errors="replace"), "c")
    except (AirflowException, ValueError):
        return
    assert isinstance(made.extra_dejson, dict)
    assert made.get_uri()


def cron(data: bytes) -> None:
    try:
        ticks = CronTicks(data.decode(errors="replace"), "Europe/Berlin")
        assert ticks.previous(NOW) < NOW < ticks.next(NOW)
    except InvalidDag as error:
        assert error.hint
    except NoTick:
        return


def document(data: bytes) -> None:
    try:
        dag = decode(data)
        plan(dag)
        validate(dag.timetable)
    except TradewindError as error:
        assert error.hint
        return
    assert decode(encode(dag)) == dag
    assert description(dag.timetable) is not None
    summary(dag.timetable)
    following_slot(dag, None, NOW)


TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "ignore_file": (ignore_file, [b"a/b.py\n*.py\n!a\n**/x/\nfoo[a-z]?\na/b.py"]),
    "log_line": (log_line, [b'{"ts":"2026-01-01T00:00:00Z","level":"info","event":"x"}']),
    "connection": (
        connection,
        [
            b"postgres://u:p@h:5432/s?a=b",
            b"http://https://h/?__extra__=%7B%7D",
            b'{"conn_type":"http","port":80,"extra":{"a":1}}',
        ],
    ),
    "cron": (cron, [b"0 6 * * *", b"*/5 1-3 L jan mon#2", b"@daily"]),
    "document": (
        document,
        [
            b'{"schema":1,"dag_id":"d","file":"d.py","timetable":{"type":"cron_trigger",'
            b'"crons":["0 6 * * *"]},"tasks":[{"task_id":"a","label":"a","operator":"O"}]}'
        ],
    ),
}


def play(target: str, seconds: int, folder: Path) -> None:
    """One target in this process, which ends with it."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    check, seeds = TARGETS[target]
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    warnings.simplefilter("ignore")
    options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2000", "-max_len=4000"]
    failures = f"-artifact_prefix={folder}/{target}-"
    atheris.Setup([sys.argv[0], str(corpus), *options, failures, "-verbosity=0"], check)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="for all targets together")
    parser.add_argument("--folder", type=Path, required=True, help="of inputs worth keeping")
    parser.add_argument("--only", choices=TARGETS)
    parser.add_argument("--play", choices=TARGETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    targets = [options.only] if options.only else list(TARGETS)
    seconds = max(1, round(60 * options.minutes / len(targets)))
    if options.play:
        play(options.play, round(60 * options.minutes), options.folder)
    command = [sys.executable, *sys.argv, "--minutes", str(seconds / 60), "--play"]
    failed = [target for target in targets if subprocess.run([*command, target]).returncode]
    print(f"Failed: {', '.join(failed) or 'none'}. Inputs are in {options.folder}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
