"""Every command with arguments made up from its own parameters.

It ends with exit code 0, 1 or 2 and without a traceback, whatever is handed in. Files are named
inside of a folder of the test's own, so that no command can write elsewhere.
"""

import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.effort import examples
from fuzz.shapes import INTEGERS, JSON, TEXTS
from support.documents import add_attempt, add_instance, add_run, document, publish, task
from tradewind.cli.main import cli, main
from tradewind.core.dag import (
    AssetRef,
    CronTrigger,
    Expansion,
    LiteralLength,
    MappedArgument,
    ParamSpec,
)
from tradewind.store.engine import Store

ELSEWHERE = {
    "standalone",  # these run until they are stopped
    "scheduler",
    "dag-processor",
    "triggerer",
    "db shell",  # replaces this process
    "dags test",  # these start processes: a test of their own has them
    "tasks test",
    "providers install",  # asks the package index
    "dags check",  # starts a process
    "dags upgrade",  # rewrites files
}
REPORTS = {"dags list-import-errors", "history check"}  # exit code 1 is what they found
WAITING = {"--follow"}  # options that wait for what nobody does here


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif " ".join((*path, name)) not in ELSEWHERE:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(cli))

# --- what stands in the database ------------------------------------------------------------------

ODD = "odd 'ü'.-_id"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A home folder with two DAGs, runs in several states, and one log."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(sqlite_template, home / "tradewind.db")
    store = Store(f"sqlite:///{home}/tradewind.db")
    mapped = Expansion(arguments=[MappedArgument(name="x", source=LiteralLength(length=2))])
    etl = document(
        "etl",
        task("extract", outlets=[AssetRef(name="orders", uri="s3://bucket/orders")]),
        task("load", "extract", retries=2),
        task("each", "load", expansion=mapped),
        timetable=CronTrigger(crons=["0 6 * * *"]),
        params={"n": ParamSpec(default=1, schema={"type": "integer"})},
    )
    with store.begin() as tx:
        publish(tx, etl)
        publish(tx, document(ODD, task("täsk")), digest="d2")
        for run_id, state in (("ran", "success"), ("failed", "failed"), ("going", "running")):
            pk = add_run(tx, "etl", run_id, state=state, logical_date=None)
            for task_id in ("extract", "load"):
                instance = add_instance(tx, pk, task_id, state="success", try_number=1)
                add_attempt(tx, pk, instance, state="ended", log_file=f"{run_id}.log")
    store.close()
    (home / "logs").mkdir()
    (home / "logs" / "ran.log").write_bytes(
        b'{"ts": "2026-01-01T00:00:00Z", "event": "fine"}\n\xff\xfe\0 \x1b[31m\n{"ts": "never"}\n'
    )
    (home / "good.json").write_text(json.dumps({"a": {"slots": 1}, "b": 2, "c": "http://h"}))
    (home / "good.yaml").write_text("a: {slots: 1}\nb: 2026-01-01\n1: [x]\n")
    (home / "good.env").write_text("a=b\nc=http://host:1/x\n")
    (home / "bad.json").write_bytes(b"{\xff")
    (home / "deep.json").write_text("[" * 100_000)
    (home / "deep.yaml").write_text("[" * 3_000)
    return home


NAMES = st.one_of(
    st.sampled_from(["etl", ODD, "ran", "failed", "going", "extract", "load", "each", "orders"]),
    st.sampled_from(["default_pool", "s3://bucket/orders", "core", "parallelism", "xcom,dag_run"]),
    TEXTS,
)
DATES = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(
        [
            "now",
            "2026-01-01",
            "2026-02-30",
            "0001-01-01T00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2026-01-01T00:00:00Z",
            "20260101",
            "1e9",
            "2026-W01",
            "2026-01-01 00:00:00.123456789",
        ]
    ),
)
FILES = st.sampled_from(
    [
        "-",
        "new.json",
        "new.yaml",
        "new.env",
        "new.dot",
        "new.png",
        "missing/x.json",
        ".",
        "",
        "good.json",
        "good.yaml",
        "good.env",
        "bad.json",
        "deep.json",
        "deep.yaml",
        "\udcff.json",
    ]
)
OBJECTS = st.one_of(
    JSON.map(json.dumps),
    st.dictionaries(st.sampled_from(["n", "host", "port", "conn_type"]), JSON, max_size=3).map(
        json.dumps
    ),
    st.sampled_from(
        ["{", "[" * 100_000, '{"n": NaN}', '{"n": 1e999}', '{"n": 1' + "0" * 5000 + "}"]
    ),
)
URIS = st.sampled_from(
    [
        "postgres://u:p@h:5432/s?a=b",
        "http://[::1]:80/",
        "x://h:port",
        "://",
        "a://b://c://d",
        "http:///",
    ]
)
PATTERNS = st.sampled_from(["etl.*", "(", "[", "(?P<x>", "a{9999999999}", "(" * 200 + ")" * 200])
NUMBERS = st.one_of(INTEGERS.map(str), st.sampled_from(["1e3", "nan", "inf", "٣", "1_000", "0x10"]))


def values(parameter: click.Parameter) -> st.SearchStrategy[str]:
    """What may be typed for one parameter: mostly what it asks for, and sometimes anything."""
    name = parameter.name or ""
    if isinstance(parameter.type, click.Choice):
        fitting = st.sampled_from([str(choice) for choice in parameter.type.choices])
    elif isinstance(parameter.type, click.Path):
        return FILES  # nothing else: a made-up path could lie anywhere
    elif parameter.type.name in ("integer", "integer range", "float"):
        fitting = NUMBERS
    elif parameter.type.name == "date":
        fitting = DATES
    elif "conf" in name or "json" in name or "extra" in name:
        fitting = OBJECTS
    elif "uri" in name:
        fitting = URIS | NAMES
    elif "regex" in name:
        fitting = PATTERNS | NAMES
    elif "date" in name:
        fitting = DATES | NAMES
    else:
        fitting = NAMES | PATTERNS
    return st.one_of(fitting, fitting, fitting, TEXTS)


@st.composite
def command_lines(draw: Any) -> list[str]:
    path = draw(st.sampled_from(sorted(COMMANDS)))
    line = path.split()
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Argument):
            many = draw(st.integers(1, 3)) if parameter.nargs == -1 else 1
            if parameter.required or draw(st.booleans()):
                line += [draw(values(parameter)) for _ in range(many)]
        elif not WAITING & {*parameter.opts} and (
            parameter.required or draw(st.integers(0, 3)) == 0
        ):
            line.append(draw(st.sampled_from(parameter.opts)))
            if not (getattr(parameter, "is_flag", False) or getattr(parameter, "count", False)):
                line.append(draw(values(parameter)))
    # What a shell can hand over: no NUL, and nothing that cannot be encoded.
    return [
        word.replace("\0", "").encode("utf-8", "replace").decode()
        if "\udcff" not in word
        else word.replace("\0", "")
        for word in line
    ]


def run(home: Path, arguments: list[str], typed: str = "") -> tuple[int, str]:
    """Exit code and everything printed, by `tradewind` in this process, at `home`."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.TextIOWrapper(
        io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True
    )
    before = Path.cwd()
    os.chdir(home)
    try:
        with (
            mock.patch.dict(os.environ, TRADEWIND_HOME=str(home)),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main(arguments)
    finally:
        os.chdir(before)
    printed = (out.buffer.getvalue() + err.buffer.getvalue()).decode(errors="replace")  # type: ignore[attr-defined]
    code = ended.value.code
    assert isinstance(code, int)
    return code, printed


@examples(80)
@given(arguments=command_lines(), typed=st.sampled_from(["", "y\n", "n\n"]))
def test_commands(
    arguments: list[str], typed: str, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("cli")
    shutil.copytree(template, home, dirs_exist_ok=True)
    try:
        code, printed = run(home, arguments, typed)
    finally:
        shutil.rmtree(home)
    assert code in (0, 1, 2), printed
    assert "Traceback" not in printed
    if code:
        assert "Error: " in printed or " ".join(arguments[:2]) in REPORTS
