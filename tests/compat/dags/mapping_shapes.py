"""Zero elements, the order of a cross product, expand_kwargs, and None, text and numbers as
what is mapped over.
"""

from airflow.sdk import DAG, task

with DAG("mapping_shapes", schedule=None, catchup=False):

    @task
    def give(value):
        return value

    @task
    def show(**kwargs):
        return {k: v for k, v in kwargs.items() if k in ("a", "b", "c")}

    @task
    def one(x):
        return x

    @task(trigger_rule="all_done")
    def total(values):
        return list(values)

    total.override(task_id="total_nothing")(
        one.override(task_id="nothing").expand(x=give.override(task_id="give_nothing")([]))
    )
    one.override(task_id="literal_nothing").expand(x=[])
    show.override(task_id="cross").partial(c="c").expand(
        a=give.override(task_id="give_two")([1, 2]), b=["x", "y", "z"]
    )
    show.override(task_id="kwargs_list").expand_kwargs([{"a": 1}, {"a": 2, "b": 3}])
    show.override(task_id="kwargs_given").partial(c=0).expand_kwargs(
        give.override(task_id="give_kwargs")([{"a": 1}, {"b": 2}])
    )
    one.override(task_id="over_none").expand(x=give.override(task_id="give_none")(None))
    one.override(task_id="over_text").expand(x=give.override(task_id="give_text")("text"))
    one.override(task_id="over_dict").expand(x=give.override(task_id="give_dict")({"k": 1, "l": 2}))
    one.override(task_id="over_tuple").expand(x=give.override(task_id="give_tuple")((1, 2)))
    one.override(task_id="over_set").expand(x=give.override(task_id="give_set")({7}))
    one.override(task_id="cross_nothing").partial().expand(
        x=give.override(task_id="give_none_two")([])
    )
    show.override(task_id="nothing_times_two").expand(
        a=give.override(task_id="give_none_three")([]), b=[1, 2]
    )
    total.override(task_id="total_with_none")(
        one.override(task_id="with_none").expand(x=[1, None, 3])
    )
    show.override(task_id="kwargs_bad").expand_kwargs(
        give.override(task_id="give_bad_kwargs")([1, 2])
    )
