"""ObjectStoragePath over file:// reads, writes, lists and travels as an XCom."""

import tempfile

from airflow.sdk import DAG, ObjectStoragePath, task

with DAG("object_storage", schedule=None, catchup=False):

    @task
    def write():
        base = ObjectStoragePath(f"file://{tempfile.mkdtemp()}")
        path = base / "sub" / "a.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("hello")
        return [
            str(path).startswith("file:///tmp"),
            path.name,
            path.exists(),
            path.stat().st_size,
            [p.name for p in base.iterdir()],
            path.suffix,
            path.parent.name,
            path.protocol,
        ]

    @task
    def give():
        return ObjectStoragePath("file:///tmp/nowhere/x.csv")

    @task
    def take(path):
        return [type(path).__name__, str(path), path.exists()]

    write()
    take(give())
