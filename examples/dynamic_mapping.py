"""As many tasks as there is data: how many is known only when the DAG runs.

`expand` makes one instance of a task for each element of a list. Here: count the lines of every
Python file of the standard library's json package, then add them up.
"""

import json
from pathlib import Path

from airflow.sdk import DAG, task

with DAG("dynamic_mapping", schedule=None, tags=["example"]):

    @task
    def list_files() -> list[str]:
        return sorted(str(path) for path in Path(json.__file__).parent.glob("*.py"))

    # The template names the instances in the UI, instead of 0, 1, 2 ...
    @task(map_index_template="{{ file_name }}")
    def count_lines(path: str, comments: bool) -> int:
        from airflow.sdk import get_current_context

        get_current_context()["file_name"] = Path(path).name
        lines = Path(path).read_text().splitlines()
        return sum(comments or not line.lstrip().startswith("#") for line in lines)

    @task
    def add_up(counts: list[int]) -> int:
        return sum(counts)

    # `partial` sets what is the same for all of them, `expand` what differs.
    counts = count_lines.partial(comments=False).expand(path=list_files())
    add_up(counts)
