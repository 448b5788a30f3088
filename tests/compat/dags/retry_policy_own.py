"""An own RetryPolicy class decides by exception and try; a policy that raises falls back to the
ordinary way.
"""

from datetime import timedelta

from airflow.sdk import DAG, RetryAction, RetryDecision, RetryPolicy, task


class ByText(RetryPolicy):
    def evaluate(self, exception, try_number, max_tries, context=None):
        if "stop" in str(exception):
            return RetryDecision(action=RetryAction.FAIL, reason="asked to stop")
        if "again" in str(exception):
            return RetryDecision(action=RetryAction.RETRY, retry_delay=timedelta(seconds=1))
        return RetryDecision(action=RetryAction.DEFAULT)


class Breaks(RetryPolicy):
    def evaluate(self, exception, try_number, max_tries, context=None):
        raise KeyError("policy is broken")


with DAG(
    "retry_policy_own",
    schedule=None,
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):

    @task
    def fail(text):
        raise RuntimeError(text)

    fail.override(task_id="stops", retries=2, retry_policy=ByText())("stop")
    fail.override(task_id="again", retries=1, retry_policy=ByText())("again")
    fail.override(task_id="again_without_retries", retries=0, retry_policy=ByText())("again")
    fail.override(task_id="ordinary", retries=1, retry_policy=ByText())("other")
    fail.override(task_id="policy_breaks", retries=1, retry_policy=Breaks())("other")
