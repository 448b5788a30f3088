"""Luigi: the local scheduler, two workers, a process for each task.

Records: the tasks' targets, which are files; when they were written is their own time-stamp.
"""

import json
import os
import sys
import time
from pathlib import Path

import luigi

HOME = Path(os.environ["BENCH_HOME"])


class Tiny(luigi.Task):
    folder = luigi.Parameter()
    number = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget(os.path.join(self.folder, str(self.number)))

    def run(self):
        with self.output().open("w") as target:
            target.write("1")


class Hop(Tiny):
    def requires(self):
        return Hop(folder=self.folder, number=self.number - 1) if self.number else []


def run(shape, count):
    began = time.time()
    folder = HOME / f"out-{began}"
    folder.mkdir()
    if shape == "chain":
        tasks = [Hop(folder=str(folder), number=count - 1)]
    else:
        tasks = [Tiny(folder=str(folder), number=number) for number in range(count)]
    if not luigi.build(tasks, workers=2, local_scheduler=True, log_level="WARNING"):
        raise SystemExit("luigi has not done it")


def records(since):
    (folder,) = (
        each for each in HOME.glob("out-*") if float(each.name.removeprefix("out-")) >= since
    )
    done = [target.stat().st_mtime for target in folder.iterdir()]
    began = float(folder.name.removeprefix("out-"))
    print(json.dumps({"began": began, "ended": max(done, default=began), "tasks": len(done)}))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]))
    else:
        records(float(sys.argv[3]))
