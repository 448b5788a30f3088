"""A branch to a task that is not its child, to a group, to a nested group, to several, to
nothing, and a branch inside a branch.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task

with DAG("branch_far", schedule=None, catchup=False):

    def picks(name, answer):
        @task.branch(task_id=name)
        def pick():
            return answer

        return pick()

    def empty(name, **more):
        return EmptyOperator(task_id=name, **more)

    far = picks("pick_grandchild", "far_grandchild")
    (
        far
        >> empty("far_child")
        >> empty("far_grandchild")
        >> empty("far_end", trigger_rule="none_failed")
    )
    far >> empty("far_other")

    grouped = picks("pick_group", "group")
    with TaskGroup("group") as group:
        empty("first") >> empty("second")
        with TaskGroup("inner"):
            empty("third")
    with TaskGroup("unpicked") as unpicked:
        empty("first") >> empty("second", trigger_rule="all_done")
    grouped >> [group, unpicked]

    nested = picks("pick_nested", "outer.inner")
    with TaskGroup("outer") as outer:
        with TaskGroup("inner"):
            empty("kept") >> empty("kept_too")
        empty("left")
    nested >> outer

    several = picks("pick_several", ["several_a", "several_b"])
    several >> [empty("several_a"), empty("several_b"), empty("several_c")]

    nothing = picks("pick_none", None)
    nothing >> empty("none_child") >> empty("none_grandchild")
    picks("pick_empty_list", []) >> empty("empty_list_child")

    first = picks("first_branch", "second_branch")
    second = picks("second_branch", "second_yes")
    (
        first
        >> second
        >> [empty("second_yes"), empty("second_no")]
        >> empty("joined", trigger_rule="none_failed_min_one_success")
    )
    first >> empty("first_no") >> empty("first_no_child")

    shared = picks("pick_shared", "shared_a")
    a, b = empty("shared_a"), empty("shared_b")
    shared >> [a, b]
    a >> b
