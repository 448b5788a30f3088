"""The sftp provider against a server of the test's own; FOLDER is this test's on both sides."""

import os
from pathlib import Path

from airflow.providers.sftp.hooks.sftp import SFTPHook, SFTPHookAsync
from airflow.providers.sftp.operators.sftp import SFTPOperation, SFTPOperator
from airflow.providers.sftp.sensors.sftp import SFTPSensor
from airflow.sdk import DAG, task

FOLDER = Path(os.environ["FOLDER"])
HERE, THERE = FOLDER / "here", FOLDER / "there"

with DAG("run_sftp", schedule=None, default_args={"ssh_conn_id": "sftp_default"}):

    @task
    def prepare():
        HERE.mkdir()
        THERE.mkdir()
        (HERE / "a.txt").write_text("one")

    put = SFTPOperator(
        task_id="put",
        local_filepath=str(HERE / "a.txt"),
        remote_filepath=str(THERE / "{{ dag.dag_id }}" / "a.txt"),
        create_intermediate_dirs=True,
    )
    get = SFTPOperator(
        task_id="get",
        operation=SFTPOperation.GET,
        local_filepath=str(HERE / "b.txt"),
        remote_filepath=str(THERE / "run_sftp" / "a.txt"),
    )
    get_later = SFTPOperator(
        task_id="get_later",
        operation=SFTPOperation.GET,
        local_filepath=str(HERE / "c.txt"),
        remote_filepath=str(THERE / "run_sftp" / "a.txt"),
        deferrable=True,
    )
    delete = SFTPOperator(
        task_id="delete",
        operation=SFTPOperation.DELETE,
        remote_filepath=str(THERE / "run_sftp" / "a.txt"),
    )
    arrived = SFTPSensor(
        task_id="arrived", path=str(THERE), file_pattern="later.*", poke_interval=0.1
    )
    arrived_later = SFTPSensor(
        task_id="arrived_later",
        path=str(THERE),
        file_pattern="later.*",
        poke_interval=0.1,
        deferrable=True,
    )

    @task.sftp_sensor(path=str(THERE / "later.txt"), poke_interval=0.1)
    def found(files_found=None):
        return "seen"

    @task
    def drop():
        with (
            SFTPHook().get_managed_conn() as connection,
            connection.open(str(THERE / "later.txt"), "w") as file,
        ):
            file.write("here")

    @task
    def compare(ti=None):
        assert (HERE / "b.txt").read_text() == (HERE / "c.txt").read_text() == "one"
        assert not (THERE / "run_sftp" / "a.txt").exists()
        assert SFTPHook("sftp_default").list_directory(str(THERE)) == ["later.txt", "run_sftp"]
        assert ti.xcom_pull(task_ids="found")["decorator_return_value"] == "seen"

    @task
    async def from_an_async_hook():
        names = await SFTPHookAsync().list_directory(str(FOLDER))
        assert {"here", "there"} <= set(names), names

    prepared = prepare()
    sensors = [arrived, arrived_later, found()]
    prepared >> put >> [get, get_later] >> delete
    prepared >> drop() >> sensors
    [delete, *sensors] >> compare()
    prepared >> from_an_async_hook()
