"""The ssh and sftp providers, against OpenSSH."""

from pathlib import Path

from providers.conftest import Tradewind
from providers.servers import Sshd


def test_ssh(tradewind: Tradewind, sshd: Sshd) -> None:
    done = tradewind.run("run_ssh", AIRFLOW_CONN_SSH_DEFAULT=sshd.connection("ssh"))
    assert done.in_state("failed") == {"fails", "job_fails"}, done.output
    assert done.in_state("skipped") == {"skips"}
    assert done.in_state("success") == {"says", "with_hook", "job", "compare", "from_a_hook"}
    assert "from the job" in done.output  # the remote job's own log
    assert "exit status = 3" in done.output


def test_sftp(tradewind: Tradewind, sshd: Sshd, tmp_path: Path) -> None:
    done = tradewind.run(
        "run_sftp", AIRFLOW_CONN_SFTP_DEFAULT=sshd.connection("sftp"), FOLDER=str(tmp_path)
    )
    assert set(done.states.values()) == {"success"}, done.output
