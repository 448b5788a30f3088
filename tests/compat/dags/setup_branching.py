"""A branch and a short circuit between setup and teardown: the teardown runs all the same."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("setup_branching", schedule=None, catchup=False):

    @task.branch
    def pick():
        return "b_yes"

    @task.short_circuit
    def stop():
        return False

    b_setup = EmptyOperator(task_id="b_setup").as_setup()
    b_end = EmptyOperator(task_id="b_teardown").as_teardown(setups=b_setup)
    b_setup >> pick() >> [EmptyOperator(task_id="b_yes"), EmptyOperator(task_id="b_no")] >> b_end

    s_setup = EmptyOperator(task_id="s_setup").as_setup()
    s_end = EmptyOperator(task_id="s_teardown").as_teardown(setups=s_setup)
    (
        s_setup
        >> stop()
        >> EmptyOperator(task_id="s_work")
        >> s_end
        >> EmptyOperator(task_id="s_after")
    )

    @task.short_circuit(task_id="outside_stop")
    def outside():
        return False

    o_setup = EmptyOperator(task_id="o_setup").as_setup()
    o_end = EmptyOperator(task_id="o_teardown").as_teardown(setups=o_setup)
    outside() >> o_setup >> EmptyOperator(task_id="o_work") >> o_end
