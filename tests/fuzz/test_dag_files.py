"""DAG files of all sorts in real parsing children: what comes back can be used, or says why not.

A file is put together from lines that set up DAGs with odd values and lines that do what no DAG
file should. Whatever one file does, the host that parsed it takes the next one.
"""

import select
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.effort import examples
from fuzz.shapes import JSON, TEXTS
from tradewind.bundles.parser import Parser
from tradewind.bundles.results import Limits, ParseResult
from tradewind.core.dag import decode, encode
from tradewind.core.protocol import Failure, GetVariable, Reply, Request, VariableReply
from tradewind.core.runs.plan import plan
from tradewind.core.timetables import following_slot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = {
    *("syntax", "missing_module", "missing_name", "exit", "memory", "timeout", "killed"),
    *("processes", "cycle", "duplicate_dag", "invalid", "error"),
    *("missing_provider", "missing_variable", "missing_connection"),
}
HEAD = """\
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG, Asset, Label, Param, TaskGroup, Variable, dag, task, task_group
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.timetables.trigger import CronTriggerTimetable, DeltaTriggerTimetable
from airflow.timetables.interval import DeltaDataIntervalTimetable
from dateutil.relativedelta import relativedelta
"""
GOOD = HEAD + "with DAG('good', schedule='@daily'):\n    EmptyOperator(task_id='a')\n"


def answer(request: Request) -> Reply:
    if isinstance(request, GetVariable) and request.key == "known":
        return VariableReply(found=True, value="x")
    return Failure(kind="not_found", message="no such thing")


# --- lines of a file ------------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "2**31",
        "2**63",
        "10**30",
        "1.5",
        "float('inf')",
        "float('nan')",
        "None",
        "'x'",
    ]
)
DELTAS = st.sampled_from(
    [
        "timedelta.max",
        "timedelta(days=1)",
        "timedelta(0)",
        "-timedelta(days=1)",
        "relativedelta()",
        "relativedelta(months=1, day=31)",
        "relativedelta(day=31)",
        "timedelta(microseconds=1)",
        "5",
    ]
)
DATES = st.sampled_from(
    [
        "datetime(2026, 1, 1)",
        "datetime.min",
        "datetime.max",
        "'2026-01-01'",
        "None",
        "5",
        "datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))",
        "datetime.now()",
    ]
)
IDS = st.one_of(*[st.sampled_from(["a", "b", "a_b"])] * 7, TEXTS).map(repr)
VALUES = st.one_of(
    JSON.map(repr), NUMBERS, DELTAS, DATES, st.sampled_from(["object()", "DAG", "..."])
)
SCHEDULES = st.one_of(
    st.sampled_from(["'@daily'", "'* * * * *'", "'0 0 30 2 *'", "'@once'", "[]", "[Asset('a')]"]),
    st.text("0123456789*/,-#L ", max_size=14).map(repr),
    DELTAS,
    DELTAS.map("DeltaTriggerTimetable({})".format),
    DELTAS.map("DeltaDataIntervalTimetable({})".format),
    st.tuples(TEXTS.map(repr), DELTAS).map(
        lambda p: f"CronTriggerTimetable('0 0 * * *', timezone={p[0]}, interval={p[1]})"
    ),
    VALUES,
)


def call(name: str, positional: Any, **keywords: Any) -> Any:
    """Source text of a call with some of the keyword arguments."""
    given = st.fixed_dictionaries({}, optional=keywords)
    return st.tuples(positional, given).map(
        lambda p: f"{name}({', '.join([p[0], *(f'{k}={v}' for k, v in p[1].items())])})"
    )


DAGS = call(
    "DAG",
    IDS,
    schedule=SCHEDULES,
    start_date=DATES,
    end_date=DATES,
    catchup=st.sampled_from(["True", "False", "'yes'"]),
    max_active_runs=NUMBERS,
    max_active_tasks=NUMBERS,
    dagrun_timeout=DELTAS,
    description=VALUES,
    doc_md=VALUES,
    tags=VALUES,
    params=VALUES,
    default_args=VALUES,
    owner_links=VALUES,
    access_control=VALUES,
)
TASKS = call(
    "EmptyOperator",
    IDS.map("task_id={}".format),
    retries=NUMBERS,
    retry_delay=DELTAS,
    retry_exponential_backoff=NUMBERS,
    max_retry_delay=DELTAS,
    execution_timeout=DELTAS,
    start_date=DATES,
    end_date=DATES,
    pool=VALUES,
    pool_slots=NUMBERS,
    queue=VALUES,
    priority_weight=NUMBERS,
    weight_rule=VALUES,
    trigger_rule=VALUES,
    owner=VALUES,
    params=VALUES,
    executor_config=VALUES,
    doc_md=VALUES,
    outlets=VALUES,
    max_active_tis_per_dag=NUMBERS,
)
GROUPS = call("TaskGroup", IDS, prefix_group_id=st.sampled_from(["True", "False"]), tooltip=VALUES)
MAPPED = VALUES.map("BashOperator.partial(task_id='m').expand(bash_command={})".format)

HOSTILE = st.sampled_from(
    [
        "import sys; sys.exit('bye')",
        "import os; os._exit(0)",
        "import os; os.abort()",
        "raise KeyboardInterrupt",
        "raise BaseException",
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "class E(Exception):\n    def __str__(self): return 5\nraise E",
        "raise Exception('x' * 10**7)",
        "raise Exception('\\udcff\\0\\x1b[31m')",
        "def f(n): return f(n + 1)\nf(0)",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
        "import atexit, os; atexit.register(os._exit, 3)",
        "import builtins; builtins.open = builtins.isinstance = builtins.vars = None",
        "import builtins; builtins.__import__ = None",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys; sys.stdout = sys.stderr = sys.stdin = None",
        "import sys; sys.modules.clear()",
        "import sys; sys.path[:] = []; sys.meta_path[:] = []",
        "import sys; sys.setrecursionlimit(60)",
        "import sys; sys.settrace(lambda *a: 1 / 0)",
        "import os; os.closerange(3, 100)",
        "import os; [os.write(fd, b'\\xff' * 64) for fd in range(3, 12) if not os.set_blocking]",
        "import os\nfor fd in range(3, 12):\n    try: os.write(fd, b'\\0\\0\\0\\4junk')\n"
        "    except OSError: 0",
        "import os; os.fork()",
        "import os; os.kill(os.getpid(), 15)",
        "import os; os.kill(os.getpid(), 11)",
        "import os, signal; signal.signal(15, signal.SIG_IGN); os.kill(os.getpid(), 15)",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 0.01)",
        "import os; os.chdir('/')",
        "import os; os.remove(__file__)",
        "open(__file__, 'w').write('changed = 1')",
        "import os; os.environ.clear()",
        "import gc; gc.disable(); gc.set_threshold(0)",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
        "import warnings; warnings.warn('x' * 10**6); warnings.showwarning = None",
        "print('x' * 10**7)",
        "import logging; logging.disable(); logging.shutdown()",
        "import time; time.time = time.monotonic = lambda: 'late'",
        "import msgspec; msgspec.structs.replace = None",
        "import json; json.dumps = None",
        "Variable.get('known'); Variable.get('unknown', default=1)",
        "Variable.get('\\0\\udcff')",
        "DAG.__eq__ = lambda *a: 1 / 0",
        "DAG.dag_id = property(lambda self: 1 / 0)",
        "__file__ = 5",
        "globals().clear()",
        "class Odd:\n    def __getattr__(self, name): raise SystemExit\nodd = Odd()",
        "class Meta(type):\n    def __instancecheck__(self, other): return 1 / 0\n"
        "class M(metaclass=Meta): pass",
        "class Odd:\n    __class__ = property(lambda self: 1 / 0)\nodd = Odd()",
    ]
)
HANGS = st.sampled_from(
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import signal, time\nsignal.pthread_sigmask(0, range(1, 64)); time.sleep(1000)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "x = [0] * (1 << 60)",
        "x = []\nwhile True: x.append(bytearray(1 << 24))",
        "import itertools; list(itertools.count())",
        "9 ** 9 ** 9 ** 9",
        "print(open('/dev/zero').read())",
    ]
)


@st.composite
def sources(draw: Any, lines: Any) -> bytes:
    """A file's bytes: mostly Python in UTF-8, and sometimes anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.binary(max_size=60), TEXTS.map(_utf8)))
    parts = [HEAD, *draw(st.lists(lines, min_size=1, max_size=2))]
    text = "\n".join(parts) + "\n"
    way = draw(st.sampled_from(["", "", "", "", "cut", "bom", "crlf", "utf-16", "cookie", "nul"]))
    data = _utf8(text)
    match way:
        case "cut":
            return data[: draw(st.integers(0, len(data)))]
        case "bom":
            return b"\xef\xbb\xbf" + data
        case "crlf":
            return data.replace(b"\n", b"\r\n")
        case "utf-16":
            return text.encode("utf-16", "replace")
        case "cookie":
            return (
                b"# coding: "
                + draw(st.sampled_from([b"latin-1", b"rot13", b"none"]))
                + b"\n"
                + data
            )
        case "nul":
            return data + b"\0"
    return data


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


ORDINARY = st.one_of(
    DAGS,
    TASKS.map("with DAG('d', schedule='@daily'): {}".format),
    st.tuples(DAGS, TASKS).map(lambda p: f"with {p[0]}: {p[1]}"),
    st.tuples(GROUPS, TASKS).map(lambda p: f"with DAG('g') as g:\n  with {p[0]}:\n    {p[1]}"),
    MAPPED.map("with DAG('m'): {}".format),
    st.tuples(TASKS, TASKS).map(lambda p: f"with DAG('two'): {p[0]} >> Label('x') >> {p[1]}"),
)


class Files:
    """One warm host, as in real life, and the folder that it parses."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        limits = Limits(seconds=seconds, processes=30, memory_bytes=1 << 30)
        self.parser: Parser[str] = Parser(answer, processes=1, limits=limits)

    def parse(self, source: bytes) -> ParseResult:
        (self.folder / "etl.py").write_bytes(source)
        self.parser.start(self.folder, "etl.py", "etl.py")
        while True:
            select.select(self.parser.descriptors, [], [], self.parser.seconds_to_next())
            for _, result in self.parser.step():
                return result


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    files = Files(tmp_path, seconds=10.0)
    yield files
    files.parser.close()


def check(result: ParseResult) -> None:
    """Its DAGs can be stored, planned and scheduled; its error can be shown."""
    for document in result.dags:
        assert decode(encode(document)) == document
        plan(document)
        following_slot(document, None, NOW)
    if result.error is not None:
        assert result.error.kind in KINDS
        assert result.error.message
        assert len(result.error.message) + len(result.error.traceback) < 200_000
        for text in (result.error.message, result.error.traceback, result.error.hint or ""):
            text.encode()
    assert len(result.warnings) < 1000


@examples(16)
@given(source=sources(ORDINARY))
@example(source=GOOD.encode())
def test_ordinary_files_with_odd_values(files: Files, source: bytes) -> None:
    check(files.parse(source))


@examples(16)
@given(source=sources(st.one_of(ORDINARY, HOSTILE, HOSTILE)))
@example(source=b"import os; os._exit(0)")
def test_hostile_files(files: Files, source: bytes) -> None:
    check(files.parse(source))
    good = files.parse(GOOD.encode())
    assert [dag.dag_id for dag in good.dags] == ["good"]
    assert good.error is None


@examples(2)
@given(source=st.tuples(HANGS, ORDINARY).map(lambda p: f"{HEAD}\n{p[0]}\n{p[1]}\n".encode()))
def test_files_that_never_end(tmp_path: Path, source: bytes) -> None:
    files = Files(tmp_path, seconds=0.5)
    result = files.parse(source)
    check(result)
    assert result.error is not None
    files.parser.close()
