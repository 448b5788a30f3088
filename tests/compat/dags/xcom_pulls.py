"""xcom_pull: keys, lists of tasks, a default, map_indexes, a mapped task whole, what is not
there, and pushes of all kinds.
"""

from airflow.sdk import DAG, XComArg, task

with DAG("xcom_pulls", schedule=None, catchup=False):

    @task
    def one(ti=None):
        ti.xcom_push(key="extra", value={"a": [1]})
        return 1

    @task
    def nothing():
        return None

    @task
    def each(x):
        return x * 10

    @task(do_xcom_push=False)
    def silent():
        return "not kept"

    @task(multiple_outputs=True)
    def many():
        return {"a": 1, "b": None}

    @task
    def pull(ti=None):
        answers = {
            "one": ti.xcom_pull("one"),
            "key": ti.xcom_pull(task_ids="one", key="extra"),
            "list": ti.xcom_pull(task_ids=["one", "nothing", "nowhere"]),
            "keys": ti.xcom_pull(task_ids=["one", "many"], key="extra"),
            "default": ti.xcom_pull(task_ids="nowhere", default="d"),
            "map_index": ti.xcom_pull(task_ids="each", map_indexes=1),
            "map_indexes": list(ti.xcom_pull(task_ids="each", map_indexes=[2, 0])),
            "mapped": list(ti.xcom_pull(task_ids="each")),
            "mapped_list": [
                list(v) if not isinstance(v, (int, type(None))) else v
                for v in ti.xcom_pull(task_ids=["each"])
            ],
            "silent": ti.xcom_pull("silent"),
            "many": ti.xcom_pull("many"),
            "many_a": ti.xcom_pull("many", key="a"),
            "own": ti.xcom_pull(key="extra"),
            "prior": ti.xcom_pull("one", include_prior_dates=True),
            "other_dag": ti.xcom_pull("one", dag_id="nowhere"),
        }
        return answers

    [one(), nothing(), each.expand(x=[1, 2, 3]), silent(), many()] >> pull()

    @task
    def by_arg(a, b, c):
        return [a, b, c]

    by_arg(
        XComArg(silent.override(task_id="silent_too")().operator),
        nothing.override(task_id="nothing_too")(),
        many.override(task_id="many_too")()["b"],
    )

    @task
    def missing_key(a):
        return a

    missing_key(one.override(task_id="one_too")()["nowhere"])
