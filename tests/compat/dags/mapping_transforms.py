"""map, zip and concat over results; a map that skips elements; a map that fails; zip with a
fill value.
"""

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

with DAG("mapping_transforms", schedule=None, catchup=False):

    @task
    def give(value):
        return value

    @task
    def show(x):
        return x

    @task(trigger_rule="all_done")
    def total(values):
        return list(values)

    numbers = give.override(task_id="numbers")([1, 2, 3])
    letters = give.override(task_id="letters")(["a", "b"])

    def no_two(n):
        if n == 2:
            raise AirflowSkipException("two")
        return n * 10

    def breaks(n):
        raise ValueError("in map")

    tens = show.override(task_id="mapped").expand(x=numbers.map(no_two))
    total.override(task_id="mapped_total")(tens)
    show.override(task_id="zipped").expand(x=numbers.zip(letters))
    show.override(task_id="zipped_filled").expand(x=numbers.zip(letters, fillvalue="-"))
    show.override(task_id="joined").expand(x=letters.concat(numbers))
    show.override(task_id="chained").expand(
        x=letters.concat(numbers).map(lambda t: str(t)).map(lambda t: t * 2)
    )
    show.override(task_id="broken").expand(x=letters.map(breaks))
    total.override(task_id="of_map")(numbers.map(lambda n: n + 1))
    show.override(task_id="of_mapped").expand(x=tens)
    show.override(task_id="of_mapped_map").expand(x=tens.map(lambda n: n + 1))
