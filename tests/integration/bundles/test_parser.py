"""Every kind of bad file, in real children with real limits."""

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewind.bundles import processes
from tradewind.bundles.parser import Parser, parse_once
from tradewind.bundles.results import Limits, ParseResult
from tradewind.core.protocol import Failure, GetVariable, Reply, Request, VariableReply
from tradewind.runner.messages import Ask
from tradewind.runner.wire import encode

HEAD = """\
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
"""
GOOD = HEAD + "with DAG('good', schedule=None):\n    EmptyOperator(task_id='a')\n"


def answer(request: Request) -> Reply:
    if isinstance(request, GetVariable) and request.key == "known":
        return VariableReply(found=True, value="of the control plane")
    return Failure(kind="not_found", message="no such thing")


_shared: list[Parser[str]] = []


@pytest.fixture(scope="module", autouse=True)
def shared_parser() -> Iterator[None]:
    """One warm host for all files with the usual limits, as in real life."""
    _shared.append(Parser(answer, processes=1, limits=Limits(seconds=20.0, processes=40)))
    yield
    _shared.pop().close()


def parse(tmp_path: Path, source: str) -> ParseResult:
    (tmp_path / "etl.py").write_text(source)
    [parser] = _shared
    parser.start(tmp_path, "etl.py", "etl.py")
    while True:
        select.select(parser.descriptors, [], [], parser.seconds_to_next())
        for _, result in parser.step():
            return result


def parse_alone(tmp_path: Path, source: str, **limits: float) -> ParseResult:
    """In a host of its own, with limits of its own."""
    (tmp_path / "etl.py").write_text(source)
    values: dict[str, Any] = {"seconds": 20.0, **limits}
    return parse_once(tmp_path, "etl.py", answer=answer, limits=Limits(**values))


def descendants_named(marker: str) -> list[str]:
    """Command lines below this process that hold the marker."""
    found = []
    for pid in processes.descendants(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        except OSError:
            continue
        if marker in command:
            found.append(command)
    return found


SCRIBBLE = """
import os
for name in os.listdir('/proc/self/fd'):
    if 'socket' in os.path.realpath(f'/proc/self/fd/{{name}}'):
        os.write(int(name), {data!r})
"""


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


BAD = {
    "syntax error": ("def broken(:\n", "syntax", 3, "invalid syntax", "Python 3"),
    "python 2": ("print 'hello'\n", "syntax", 3, "print", "This is Python 2: write print(...)"),
    "missing module": ("import yaml_of_nobody\n", "missing_module", 3, "yaml_of_nobody", "pip"),
    "missing name": (
        "from airflow.providers.standard.operators.bash import BashOperater\n",
        "missing_module",
        3,
        "BashOperater",
        None,
    ),
    "cycle": (
        "with DAG('c', schedule=None):\n    a = EmptyOperator(task_id='a')\n"
        "    b = EmptyOperator(task_id='b')\n    a >> b >> a\n",
        "cycle",
        3,
        "a >> b >> a",
        "arrow",
    ),
    "duplicate task id": (
        "with DAG('c', schedule=None):\n    EmptyOperator(task_id='a')\n"
        "    EmptyOperator(task_id='a')\n",
        "invalid",
        5,
        "'a'",
        "id of its own",
    ),
    "duplicate dag id": (
        "with DAG('c', schedule=None):\n    pass\nwith DAG('c', schedule=None):\n    pass\n",
        "duplicate_dag",
        3,
        "'c'",
        "id of its own",
    ),
    "invalid cron": ("dag = DAG('c', schedule='61 * * * *')\n", "invalid", 3, "'61'", "0 to 59"),
    "bad argument": (
        "EmptyOperator(task_id='a', nonsense=3)\n",
        "error",
        3,
        "nonsense",
        "argument",
    ),
    "exit": ("import sys\nsys.exit(3)\n", "exit", 4, "sys.exit(3)", "__main__"),
    "hard exit": ("import os\nos._exit(3)\n", "exit", None, "exit code 3", "must not end"),
    "memory": ("data = bytearray(2 * 1024**3)\n", "memory", 3, "MemoryError", "memory_limit_mb"),
    "recursion": ("def f():\n    f()\nf()\n", "error", 4, "RecursionError", "without end"),
    "crash": ("import ctypes\nctypes.string_at(0)\n", "killed", 4, "SIGSEGV", "native"),
    "value of another type": (
        "with DAG('c', schedule=None):\n    EmptyOperator(task_id='a', owner=5)\n",
        "invalid",
        3,
        "owner of task 'a': Expected `str`, got `int`",
        "that type",
    ),
    "value that JSON has not": (
        "with DAG('c', schedule=None):\n"
        "    EmptyOperator(task_id='a', retry_exponential_backoff=float('nan'))\n",
        "invalid",
        3,
        "retry_exponential_backoff of task 'a'",
        "NaN",
    ),
    "half a surrogate": (
        "dag = DAG('c', schedule=None, description='\\udcff')\n",
        "invalid",
        3,
        "cannot be stored as JSON",
        "text",
    ),
    "nonsense to the host": (
        SCRIBBLE.format(data=framed(b"junk")),
        "killed",
        None,
        "wrote into the connection",
        "descriptors",
    ),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "killed",
        None,
        "SIGKILL",
        "memory",
    ),
}


@pytest.mark.parametrize(
    ("source", "kind", "line", "message", "hint"), BAD.values(), ids=BAD.keys()
)
def test_bad_files(
    tmp_path: Path, source: str, kind: str, line: int | None, message: str, hint: str | None
) -> None:
    error = parse(tmp_path, HEAD + source).error
    assert error is not None
    assert (error.kind, error.file, error.line) == (kind, "etl.py", line)
    assert message in error.message
    assert hint is None or (error.hint is not None and hint in error.hint)
    assert str(tmp_path) not in error.traceback
    assert "parse_child" not in error.traceback


def test_a_request_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    """As for the file itself, it may go on."""
    asked = framed(encode(Ask(id=1, body=msgspec.Raw(b"\xa4what"))))
    assert parse(tmp_path, SCRIBBLE.format(data=asked) + GOOD).error is None
    assert parse(tmp_path, GOOD).error is None


def test_a_hang_is_ended_and_shows_where(tmp_path: Path) -> None:
    source = "import time\ndef connect():\n    time.sleep(600)\nconnect()\n"
    error = parse_alone(tmp_path, source, seconds=1.0).error
    assert error is not None
    assert (error.kind, error.line) == ("timeout", 3)
    assert "line 4, in <module>" in error.traceback
    assert "line 3, in connect" in error.traceback


def test_a_hang_outside_of_python_is_ended_too(tmp_path: Path) -> None:
    source = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\n"
    error = parse_alone(tmp_path, source, seconds=1.0).error
    assert error is not None
    assert (error.kind, error.line) == ("timeout", 2)


BOMBS = {
    "many children": """
import os, time
for _ in range(200):
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
""",
    "doubling": "import os, time\nfor _ in range(8):\n    os.fork()\ntime.sleep(600)\n",
    "sessions of their own": """
import subprocess
for _ in range(200):
    subprocess.Popen(["sleep", "6004"], start_new_session=True)
""",
    "orphans": """
import os, time
for _ in range(200):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
time.sleep(600)
""",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_fork_bomb_is_ended_with_all_that_it_started(tmp_path: Path, bomb: str) -> None:
    error = parse(tmp_path, HEAD + bomb).error
    assert error is not None
    assert error.kind == "processes"
    assert "more than 40 processes" in error.message
    assert descendants_named("6004") == []
    assert len(descendants_named("parse_host")) == 1  # the host itself; its children look alike


def test_what_a_good_file_leaves_running_is_ended(tmp_path: Path) -> None:
    result = parse(
        tmp_path,
        "import subprocess\nsubprocess.Popen(['sleep', '6005'], start_new_session=True)\n" + GOOD,
    )
    assert [dag.dag_id for dag in result.dags] == ["good"]
    assert descendants_named("6005") == []


def test_processes_that_have_ended_do_not_count(tmp_path: Path) -> None:
    source = """
import os
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os._exit(0)  # an orphan soon
        os._exit(0)
    os.waitpid(pid, 0)
"""
    result = parse_alone(tmp_path, source + GOOD, processes=20)
    assert result.error is None


def test_forks_of_a_file_do_not_answer_for_it(tmp_path: Path) -> None:
    result = parse(tmp_path, "import os\nos.fork()\nos.fork()\n" + GOOD)
    assert [dag.dag_id for dag in result.dags] == ["good"]
    assert result.error is None


def test_the_child_has_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRADEWIND_DATABASE__URL", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        monkeypatch.setenv(name, "postgresql://user:secret@host/db")
    monkeypatch.setenv("COLOUR", "blue")
    source = "import os\nraise ValueError(sorted(os.environ.items()))\n"
    error = parse_alone(tmp_path, source).error
    assert error is not None
    assert "blue" in error.message
    assert "secret" not in error.message


def test_variables_are_read_through_the_parent(tmp_path: Path) -> None:
    source = GOOD + "from airflow.sdk import Variable\nVariable.get('known')\n"
    result = parse(tmp_path, source)
    assert result.error is None
    assert result.inputs == ["variable:known"]


def test_a_missing_variable_is_an_error_of_its_line(tmp_path: Path) -> None:
    error = parse(tmp_path, "from airflow.sdk import Variable\nVariable.get('unknown')\n").error
    assert error is not None
    assert error.line == 2
    assert "unknown" in error.message or "no such thing" in error.message


def test_the_output_of_a_file_that_died_is_shown(tmp_path: Path) -> None:
    error = parse(tmp_path, "import os\nos.write(1, b'connecting to x')\nos._exit(1)\n").error
    assert error is not None
    assert "connecting to x" in error.traceback


def test_endless_output_does_not_hold_anything_up(tmp_path: Path) -> None:
    error = parse_alone(tmp_path, "while True:\n    print('x' * 1000)\n", seconds=1.0).error
    assert error is not None
    assert error.kind == "timeout"
    assert len(error.traceback) < 20_000


def test_a_module_elsewhere_in_the_bundle_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "helpers.py").write_text("")
    error = parse(tmp_path, "import helpers\n").error
    assert error is not None
    assert error.hint is not None
    assert "sub.helpers" in error.hint


def test_an_error_in_a_helper_names_the_helper(tmp_path: Path) -> None:
    (tmp_path / "helper_here.py").write_text("x = 1\ny = x / 0\n")
    error = parse(tmp_path, "import helper_here\n").error
    assert error is not None
    assert (error.file, error.line) == ("helper_here.py", 2)
    assert 'File "etl.py", line 1' in error.traceback


def test_old_spellings_are_warnings(tmp_path: Path) -> None:
    result = parse(
        tmp_path,
        "from airflow import DAG\nfrom airflow.operators.dummy_operator import DummyOperator\n"
        "with DAG('old', schedule_interval=None):\n    DummyOperator(task_id='a')\n",
    )
    assert [dag.dag_id for dag in result.dags] == ["old"]
    assert any("dummy_operator" in warning for warning in result.dags[0].warnings)


def test_watchers_of_assets(tmp_path: Path) -> None:
    result = parse(
        tmp_path,
        "from airflow.sdk import DAG, Asset, AssetWatcher\n"
        "from airflow.providers.standard.triggers.file import FileDeleteTrigger\n"
        "watcher = AssetWatcher('w', trigger=FileDeleteTrigger(filepath='/tmp/x'))\n"
        "asset = Asset('a', watchers=[watcher])\n"
        "with DAG('watching', schedule=[asset]):\n    pass\n",
    )
    assert result.error is None
    [watcher] = result.watchers
    assert (watcher.asset_name, watcher.name) == ("a", "w")
    assert watcher.classpath.endswith("FileDeleteTrigger")
    assert watcher.kwargs["filepath"] == "/tmp/x"


def test_a_trigger_that_cannot_be_described_is_an_error_of_its_dag(tmp_path: Path) -> None:
    result = parse(
        tmp_path,
        "from airflow.sdk import DAG, Asset, AssetWatcher\n"
        "from airflow.triggers.base import BaseEventTrigger\n"
        "class Broken(BaseEventTrigger):\n"
        "    def serialize(self):\n        raise ValueError('no queue')\n"
        "    async def run(self):\n        yield\n"
        "watched = Asset('a', watchers=[AssetWatcher('w', trigger=Broken())])\n"
        "with DAG('watching', schedule=[watched]):\n    pass\n"
        "with DAG('good', schedule=None):\n    pass\n",
    )
    assert [dag.dag_id for dag in result.dags] == ["good"]
    assert result.error is not None
    assert (result.error.line, result.error.message) == (5, "ValueError: no queue")
