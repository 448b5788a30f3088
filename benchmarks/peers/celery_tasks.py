"""Celery: Redis as broker and for results, a worker with two prefork children.

Records: the results in Redis, each with the moment when its task was done.
"""

import json
import os
import subprocess
import sys
import time
from datetime import datetime

from celery import Celery, chain, group
from redis import Redis

URL = os.environ["BENCH_REDIS"]
app = Celery("celery_tasks", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = True


@app.task
def hop(_before=None):
    return 1


@app.task
def tiny():
    return 1


def run(shape, count):
    folder = os.path.dirname(os.path.abspath(__file__))
    command = ["-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", "2"]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    worker = subprocess.Popen([sys.executable, *command, *quiet], cwd=folder)
    try:
        group(tiny.s() for _ in range(4))().get(timeout=60)
        Redis.from_url(URL).set("began", time.time())
        if shape == "chain":
            work = chain(hop.s() for _ in range(count))()
        else:
            work = group(tiny.s() for _ in range(count))()
        work.get(timeout=3600)
    finally:
        worker.terminate()
        worker.wait()


def records():
    redis = Redis.from_url(URL)
    began = float(redis.get("began"))
    found = redis.mget(redis.keys("celery-task-meta-*"))
    done = [datetime.fromisoformat(json.loads(one)["date_done"]).timestamp() for one in found]
    done = [at for at in done if at >= began]
    print(json.dumps({"began": began, "ended": max(done, default=began), "tasks": len(done)}))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]))
    else:
        records()
