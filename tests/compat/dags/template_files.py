"""Files as templates: a script of the DAG's folder, one of template_searchpath, an included
one, and an own Jinja environment.
"""

import os
import tempfile

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, task

FOLDER = os.path.join(tempfile.gettempdir(), "diff_template_files")
os.makedirs(FOLDER, exist_ok=True)
for name, text in {
    "hello.sh": "echo hello {{ ds }} {% include 'part.txt' %}",
    "part.txt": "part of {{ dag.dag_id }}",
    "query.sql": "select '{{ params.table }}'",
}.items():
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write(text)


class Query(BaseOperator):
    template_fields = ("sql", "options")
    template_ext = (".sql",)

    def __init__(self, *, sql, options=None, **kwargs):
        super().__init__(**kwargs)
        self.sql = sql
        self.options = options

    def execute(self, context):
        return [self.sql, self.options]


with DAG(
    "template_files",
    schedule=None,
    catchup=False,
    template_searchpath=[FOLDER],
    params={"table": "t"},
):
    BashOperator(task_id="script", bash_command="hello.sh")
    Query(
        task_id="query",
        sql="query.sql",
        options={"file": "query.sql", "list": ["{{ ds }}", 1, None], "t": ("{{ ds }}",)},
    )
    Query(task_id="queries", sql=["query.sql", "select {{ params['table'] }}"])
    Query.partial(task_id="mapped_queries").expand(sql=["query.sql", "select {{ ti.map_index }}"])
    Query(task_id="absent", sql="nowhere.sql")

with DAG(
    "template_environment",
    schedule=None,
    catchup=False,
    jinja_environment_kwargs={
        "trim_blocks": True,
        "variable_start_string": "<<",
        "variable_end_string": ">>",
    },
):

    @task
    def show(text):
        return text

    show("<< ds >> {{ ds }}")
