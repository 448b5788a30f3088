"""Nothing that a DAG file started outlives the process that had it parsed, even a killed one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from integration.bundles.harness import eventually

PARENT = """
import sys
from pathlib import Path
from tradewind.bundles.parser import parse_once
parse_once(Path(sys.argv[1]), "etl.py", answer=None)
"""

FILE = """
import os, subprocess, time
own = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open("{note}.new", "w") as note:
    note.write(f"{{os.getppid()}} {{os.getpid()}} {{own.pid}}")
os.rename("{note}.new", "{note}")
time.sleep(600)
"""


def test_a_killed_parent_leaves_nothing_behind(tmp_path: Path) -> None:
    note = tmp_path / "note"
    (tmp_path / "etl.py").write_text(FILE.format(note=note))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    try:
        eventually(note.exists)
        started = note.read_text().split()
        assert len(started) == 3
        parent.send_signal(signal.SIGKILL)
    finally:
        parent.kill()
        parent.wait()
    eventually(lambda: not any(_lives(pid) for pid in started))


def _lives(pid: str) -> bool:
    """Whether it runs. One that nobody waits for stays as a zombie, which is as good."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    assert pid != str(os.getpid())
    return status.rpartition(")")[2].split()[0] != "Z"
