import os
import zipfile
from pathlib import Path

import pytest

from integration.bundles.harness import Processing, dag_file, eventually
from tradewind.bundles.processor import ProcessorSettings
from tradewind.bundles.results import Limits
from tradewind.core.dag import CustomSchedule
from tradewind.store import bundles, dags, schema, variables
from tradewind.store.engine import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    folder.mkdir()
    return folder


@pytest.fixture
def store(sqlite_url: str) -> Store:
    return Store(sqlite_url)


@pytest.fixture
def processing(store: Store, tmp_path: Path, folder: Path) -> Processing:
    return Processing(store, tmp_path / "home", folder)


def test_an_edit_becomes_visible(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text(dag_file("etl", "extract"))
    with processing.running():
        eventually(lambda: processing.tasks("etl") == ["extract"])
        first = processing.row("etl")
        assert first.is_paused
        (folder / "etl.py").write_text(dag_file("etl", "extract", "load"))
        eventually(lambda: processing.tasks("etl") == ["extract", "load"])
        assert processing.versions("etl") == 2
        second = processing.row("etl")
        assert second.digest != first.digest
        for digest in (first.digest, second.digest):
            assert (processing.home / "bundles" / digest / "etl.py").exists()
            assert processing.storage.exists(f"bundles/{digest}.tar.gz")


def test_only_what_a_change_concerns_is_parsed_again(processing: Processing, folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "names.py").write_text("TASK = 'one'")
    (folder / "config.json").write_text('["a"]')
    (folder / "other.py").write_text(dag_file("other"))
    (folder / "importing.py").write_text(
        "from lib.names import TASK\n" + dag_file("importing").replace("('only',)", "[TASK]")
    )
    (folder / "reading.py").write_text(
        "import json, pathlib\n"
        "tasks = json.loads(pathlib.Path(__file__).with_name('config.json').read_text())\n"
        + dag_file("reading").replace("('only',)", "tasks")
    )
    with processing.running():
        eventually(lambda: processing.tasks("importing") == ["one"])
        eventually(lambda: processing.tasks("reading") == ["a"])
        parsed = eventually(lambda: processing.file("other.py")).parsed_at
        assert processing.file("importing.py").inputs == ["lib/names.py"]
        assert processing.file("reading.py").inputs == ["config.json"]

        (folder / "lib" / "names.py").write_text("TASK = 'two'")
        eventually(lambda: processing.tasks("importing") == ["two"])
        (folder / "config.json").write_text('["a", "b"]')
        eventually(lambda: processing.tasks("reading") == ["a", "b"])
        digest = processing.bundle().digest
        eventually(lambda: processing.row("other").digest == digest)
        assert processing.file("other.py").parsed_at == parsed
        assert processing.versions("other") == 1
        assert processing.row("importing").digest == digest


def test_a_restart_parses_nothing_that_is_as_it_was(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text(dag_file("etl"))
    (folder / "bad.py").write_text("import airflow  # dag\nraise ValueError('no')")
    with processing.running():
        eventually(lambda: processing.row("etl"))
        before = eventually(lambda: processing.file("bad.py")).parsed_at
    parsed = processing.file("etl.py").parsed_at
    (folder / "later.py").write_text(dag_file("later"))
    with processing.running():
        eventually(lambda: processing.row("later"))
        eventually(lambda: processing.file("bad.py").parsed_at != before)  # may be mended now
    assert processing.file("etl.py").parsed_at == parsed


def test_a_broken_edit_keeps_the_last_good_version(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text(dag_file("etl", "extract"))
    with processing.running():
        good = eventually(lambda: processing.row("etl")).digest
        (folder / "etl.py").write_text("from airflow.sdk import DAG\ndef broken(:\n")
        error = eventually(lambda: processing.error("etl.py"))
        assert error.line == 2
        row = processing.row("etl")
        assert not row.is_stale
        assert row.digest == good
        (folder / "another.py").write_text(dag_file("another"))  # the bundle moves on
        eventually(lambda: processing.row("another"))
        assert processing.row("etl").digest == good
        (folder / "etl.py").write_text(dag_file("etl", "extract"))
        eventually(lambda: processing.error("etl.py") is None)
        eventually(lambda: processing.row("etl").digest == processing.bundle().digest)
        assert processing.versions("etl") == 1


def test_one_bad_dag_does_not_take_the_others_of_its_file_along(
    processing: Processing, folder: Path
) -> None:
    (folder / "two.py").write_text(dag_file("good") + dag_file("bad", schedule="@daily"))
    with processing.running():
        eventually(lambda: processing.row("bad"))
        (folder / "two.py").write_text(
            dag_file("good", "more") + dag_file("bad", schedule="61 * * * *")
        )
        error = eventually(lambda: processing.error("two.py"))
        assert "'bad'" in error.message
        assert "61" in error.message
        assert processing.tasks("good") == ["more"]
        assert not processing.row("bad").is_stale


def test_a_missing_helper_that_comes_mends_the_file(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text("import helper_of_etl\n" + dag_file("etl"))
    with processing.running():
        assert "helper_of_etl" in eventually(lambda: processing.error("etl.py")).message
        (folder / "helper_of_etl.py").write_text("")
        eventually(lambda: processing.row("etl"))
        assert processing.error("etl.py") is None


def test_a_touched_file_with_an_error_is_tried_again(processing: Processing, folder: Path) -> None:
    marker = folder.parent / "marker"
    (folder / "etl.py").write_text(f"open({str(marker)!r})\n" + dag_file("etl"))
    with processing.running():
        eventually(lambda: processing.error("etl.py"))
        marker.touch()
        (folder / "etl.py").touch()
        eventually(lambda: processing.row("etl"))


def test_a_file_that_is_gone_makes_its_dags_stale(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text(dag_file("etl", schedule="@daily"))
    with processing.running():
        assert eventually(lambda: processing.row("etl")).next_run_after
        (folder / "etl.py").unlink()
        eventually(lambda: processing.row("etl").is_stale)
        assert processing.row("etl").next_run_after is None
        assert processing.file("etl.py") is None
        (folder / "moved.py").write_text(dag_file("etl"))
        eventually(lambda: not processing.row("etl").is_stale)
        assert processing.row("etl").file == "moved.py"


def test_a_dag_may_move_to_another_file_in_one_change(processing: Processing, folder: Path) -> None:
    (folder / "a.py").write_text(dag_file("x"))
    (folder / "b.py").write_text(dag_file("y"))
    with processing.running():
        eventually(lambda: processing.row("x") and processing.row("y"))
        (folder / "a.py").write_text(dag_file("y"))
        (folder / "b.py").write_text(dag_file("x"))
        eventually(lambda: processing.row("x").file == "b.py")
        eventually(lambda: processing.row("y").file == "a.py")
        eventually(lambda: processing.error("a.py") is None and processing.error("b.py") is None)
        assert not processing.row("x").is_stale
        assert not processing.row("y").is_stale


def test_one_dag_id_in_two_files_is_an_error_that_names_both(
    processing: Processing, folder: Path
) -> None:
    (folder / "a.py").write_text(dag_file("same", "of_a"))
    with processing.running():
        eventually(lambda: processing.row("same"))
        (folder / "b.py").write_text(dag_file("same", "of_b") + dag_file("own"))
        error = eventually(lambda: processing.error("b.py"))
        assert "b.py and a.py" in error.message
        assert processing.tasks("same") == ["of_a"]
        assert processing.row("own")
        (folder / "a.py").unlink()
        eventually(lambda: processing.tasks("same") == ["of_b"])
        eventually(lambda: processing.error("b.py") is None)


def test_two_bundles(store: Store, tmp_path: Path) -> None:
    team_a, team_b = tmp_path / "team_a", tmp_path / "team_b"
    for team in (team_a, team_b):
        team.mkdir()
        (team / "shared.py").write_text(f"NAME = {team.name!r}")
        (team / "etl.py").write_text(
            f"import shared\n{dag_file(f'{team.name}_etl')}".replace("('only',)", "[shared.NAME]")
        )
    processing = Processing(store, tmp_path / "home", team_a, team_b)
    with processing.running():
        eventually(lambda: processing.tasks("team_a_etl") == ["team_a"])
        eventually(lambda: processing.tasks("team_b_etl") == ["team_b"])
        (team_b / "clash.py").write_text(dag_file("team_a_etl"))
        error = eventually(lambda: processing.error("clash.py", "team_b"))
        assert "bundle 'team_a'" in error.message
        assert "bundle 'team_b'" in error.message
    with Processing(store, tmp_path / "home", team_a).running():
        eventually(lambda: processing.row("team_b_etl").is_stale)
        assert processing.bundle("team_b") is None
        assert not processing.row("team_a_etl").is_stale


def test_a_folder_that_vanishes_leaves_everything_as_it_was(
    processing: Processing, folder: Path, tmp_path: Path
) -> None:
    (folder / "etl.py").write_text(dag_file("etl"))
    with processing.running():
        eventually(lambda: processing.row("etl"))
        aside = folder.rename(tmp_path / "aside")
        assert "does not exist" in eventually(lambda: processing.bundle().error)
        assert not processing.row("etl").is_stale
        aside.rename(folder)
        eventually(lambda: processing.bundle().error is None)


def test_a_link_that_turns_to_a_new_release(store: Store, tmp_path: Path) -> None:
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "etl.py").write_text(dag_file("etl", f"release_{number}"))
    current = tmp_path / "dags"
    current.symlink_to("1")
    processing = Processing(store, tmp_path / "home", current)
    with processing.running():
        eventually(lambda: processing.tasks("etl") == ["release_1"])
        (tmp_path / "next").symlink_to("2")
        os.replace(tmp_path / "next", current)
        eventually(lambda: processing.tasks("etl") == ["release_2"])


def test_zip_files(processing: Processing, folder: Path) -> None:
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("packed_lib/__init__.py", "TASK = 'from_zip'")
        archive.writestr(
            "packed_etl.py",
            "from packed_lib import TASK\n" + dag_file("packed").replace("('only',)", "[TASK]"),
        )
    with processing.running():
        eventually(lambda: processing.tasks("packed") == ["from_zip"])
        assert processing.row("packed").file == "packed.zip"


def test_ignored_files_are_not_parsed(processing: Processing, folder: Path) -> None:
    (folder / "skipped.py").write_text(dag_file("skipped"))
    (folder / "etl.py").write_text(dag_file("etl"))
    (folder / ".airflowignore").write_text("skipped.py\n")
    with processing.running():
        eventually(lambda: processing.row("etl"))
        assert processing.row("skipped") is None
        (folder / ".airflowignore").unlink()
        eventually(lambda: processing.row("skipped"))


def test_a_structure_that_differs_each_time_is_an_error(
    processing: Processing, folder: Path
) -> None:
    (folder / "etl.py").write_text(
        "import uuid\n" + dag_file("etl").replace("('only',)", "[f'task_{uuid.uuid4().hex}']")
    )
    with processing.running():
        error = eventually(lambda: processing.error("etl.py"))
        assert "task ids (task_" in error.message
        assert error.hint
        assert processing.row("etl") is None


def test_the_order_of_a_set_is_found_out(processing: Processing, folder: Path) -> None:
    names = [f"task_{number}" for number in range(20)]
    (folder / "etl.py").write_text(
        dag_file("etl", *names) + f"\n    order = [*set({names!r})]\n"
        "    from airflow.sdk import chain\n    chain(*[dag.get_task(t) for t in order])"
    )
    text = (folder / "etl.py").read_text().replace("schedule=None):", "schedule=None) as dag:")
    (folder / "etl.py").write_text(text)
    with processing.running():
        assert "upstream tasks of" in eventually(lambda: processing.error("etl.py")).message


def test_a_field_that_differs_each_time_is_a_warning_and_no_new_version(
    processing: Processing, folder: Path, store: Store
) -> None:
    (folder / "etl.py").write_text(
        "import time\n" + dag_file("etl").replace("schedule=None", "description=str(time.time())")
    )
    with processing.running() as processor:
        document = eventually(lambda: processing.document("etl"))
        assert any("description" in warning for warning in document.warnings)
        parsed = processing.file("etl.py").parsed_at
        ask_for(store, processing, "etl.py")
        processor.wake()
        eventually(lambda: processing.file("etl.py").parsed_at != parsed)
        assert processing.versions("etl") == 1


def ask_for(store: Store, processing: Processing, file: str) -> None:
    with store.begin() as tx:
        row = dict(processing.file(file)._mapping) | {"input_digest": None}
        bundles.put_files(tx, [row])
        store.notify(tx, "dag_processor")


def test_a_variable_that_a_file_reads_is_an_input(
    processing: Processing, folder: Path, store: Store
) -> None:
    (folder / "etl.py").write_text(
        "from airflow.sdk import Variable\n"
        + dag_file("etl").replace("('only',)", "Variable.get('tasks').split()")
    )
    with store.begin() as tx:
        variables.put(tx, "tasks", "a b")
    with processing.running():
        eventually(lambda: processing.tasks("etl") == ["a", "b"])
        with store.begin() as tx:
            variables.put(tx, "tasks", "a b c")
            store.notify(tx, "dag_processor")
        eventually(lambda: processing.tasks("etl") == ["a", "b", "c"])


CUSTOM = """
from datetime import timedelta
import pendulum
from airflow.sdk import DAG
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

START = pendulum.datetime(2020, 1, 1, tz="UTC")

class Weekly(Timetable):
    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(run_after, run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        last = last_automated_data_interval
        start = last.end if last else START
        return DagRunInfo.interval(start, start + timedelta(days=7))

with DAG("custom", schedule=Weekly(), catchup=True, start_date=START):
    pass
"""


def test_a_custom_timetable_is_asked_again_when_it_ran_dry(
    processing: Processing, folder: Path, store: Store
) -> None:
    (folder / "custom.py").write_text(CUSTOM)
    with processing.running():
        document = eventually(lambda: processing.document("custom"))
        assert isinstance(document.timetable, CustomSchedule)
        first = processing.row("custom")
        assert first.next_run_after.isoformat() == "2020-01-08T00:00:00+00:00"
        parsed = processing.file("custom.py").parsed_at
        with store.begin() as tx:
            dags.set_next_slots(tx, {"custom": None}, dry=["custom"])
            store.notify(tx, "dag_processor")
        eventually(lambda: processing.file("custom.py").parsed_at != parsed)
        assert processing.row("custom").next_run_after == first.next_run_after
        assert not processing.row("custom").needs_slots
        assert processing.versions("custom") == 1


def test_the_next_run_is_planned(processing: Processing, folder: Path) -> None:
    (folder / "etl.py").write_text(dag_file("etl", schedule="@hourly"))
    with processing.running():
        row = eventually(lambda: processing.row("etl"))
        assert row.next_run_after.minute == 0


def test_mending_a_file_that_hangs_need_not_wait_for_its_end(
    processing: Processing, folder: Path, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    processing.settings = ProcessorSettings(limits=Limits(seconds=600.0))
    (folder / "etl.py").write_text(
        f"import airflow, time  # a dag\nopen({str(started)!r}, 'w')\ntime.sleep(600)\n"
    )
    with processing.running():
        eventually(started.exists)
        (folder / "etl.py").write_text(dag_file("etl"))
        eventually(lambda: processing.row("etl"))


def test_a_file_that_hangs_does_not_hold_the_others_up(
    processing: Processing, folder: Path, tmp_path: Path
) -> None:
    processing.settings = ProcessorSettings(limits=Limits(seconds=600.0))
    started = tmp_path / "started"
    (folder / "hang.py").write_text(
        f"import airflow, time  # a dag\nopen({str(started)!r}, 'w')\ntime.sleep(600)\n"
    )
    with processing.running():
        eventually(started.exists)
        (folder / "etl.py").write_text(dag_file("etl", "a"))
        eventually(lambda: processing.tasks("etl") == ["a"])
        (folder / "etl.py").write_text(dag_file("etl", "b"))
        eventually(lambda: processing.tasks("etl") == ["b"])


WATCHING = """
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow.providers.standard.triggers.file import FileDeleteTrigger

watchers = [
    AssetWatcher(name, trigger=FileDeleteTrigger(filepath=f"/tmp/{{name}}")) for name in {names!r}
]
with DAG("watching", schedule=[Asset("incoming", watchers=watchers)]):
    pass
"""


def test_watchers_of_assets_become_triggers(
    processing: Processing, folder: Path, store: Store
) -> None:
    def rows() -> dict[str, int]:
        with store.read() as tx:
            return {row.watcher_name: row.id for row in tx.execute(schema.trigger.select())}

    (folder / "watching.py").write_text(WATCHING.format(names=["one", "two"]))
    with processing.running():
        first = eventually(rows)
        assert first.keys() == {"one", "two"}
        (folder / "watching.py").write_text(WATCHING.format(names=["two", "three"]))
        eventually(lambda: rows().keys() == {"two", "three"})
        assert rows()["two"] == first["two"]  # it goes on running
        (folder / "watching.py").write_text(dag_file("watching"))
        eventually(lambda: rows() == {})


def test_the_same_on_every_database(database_url: str, tmp_path: Path, folder: Path) -> None:
    store = Store(database_url)
    processing = Processing(store, tmp_path / "home", folder)
    (folder / "etl.py").write_text(dag_file("etl", "a", schedule="@daily"))
    (folder / "watching.py").write_text(WATCHING.format(names=["one"]))
    with processing.running():
        assert eventually(lambda: processing.row("etl")).next_run_after
        eventually(lambda: processing.row("watching"))
        (folder / "bad.py").write_text(dag_file("etl"))
        assert "bad.py and etl.py" in eventually(lambda: processing.error("bad.py")).message
        (folder / "etl.py").write_text(dag_file("etl", "a", "b"))
        eventually(lambda: processing.versions("etl") == 2)
        (folder / "etl.py").unlink()
        eventually(lambda: processing.row("etl").file == "bad.py")
        eventually(lambda: processing.error("bad.py") is None)
        (folder / "bad.py").unlink()
        eventually(lambda: processing.row("etl").is_stale)
    store.close()
