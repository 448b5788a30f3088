"""The ssh provider against a server of the test's own, `ssh_default`."""

from base64 import b64decode

from airflow.providers.ssh.hooks.ssh import SSHHook
from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.providers.ssh.operators.ssh_remote_job import SSHRemoteJobOperator
from airflow.sdk import DAG, task

with DAG("run_ssh", schedule=None):
    says = SSHOperator(
        task_id="says",
        ssh_conn_id="ssh_default",
        command="echo {{ dag.dag_id }} $((6 * 7)); echo no problem >&2",
        cmd_timeout=30,
    )
    fails = SSHOperator(task_id="fails", ssh_conn_id="ssh_default", command="echo oh; exit 3")
    skips = SSHOperator(
        task_id="skips", ssh_conn_id="ssh_default", command="exit 99", skip_on_exit_code=99
    )
    with_hook = SSHOperator(task_id="with_hook", ssh_hook=SSHHook("ssh_default"), command="true")
    job = SSHRemoteJobOperator(
        task_id="job",
        ssh_conn_id="ssh_default",
        command="sleep 1; echo from the job",
        remote_base_dir="{{ params.folder }}",
        poll_interval=1,
        cleanup="on_success",
        params={"folder": "/tmp/airflow-ssh-jobs"},
    )
    job_fails = SSHRemoteJobOperator(
        task_id="job_fails",
        ssh_conn_id="ssh_default",
        command="sh -c 'exit 4'",
        poll_interval=1,
        cleanup="always",
    )

    @task
    def compare(said):
        assert b64decode(said) == b"run_ssh 42\n", said

    @task
    def from_a_hook():
        with SSHHook("ssh_default").get_conn() as client:
            _, out, _ = client.exec_command("printf hello")
            assert out.read() == b"hello"

    compare(says.output)
    from_a_hook()
