"""The redis provider against a server of the test's own, `redis_default`."""

from airflow.providers.redis.hooks.redis import RedisHook
from airflow.providers.redis.operators.redis_publish import RedisPublishOperator
from airflow.providers.redis.sensors.redis_key import RedisKeySensor
from airflow.providers.redis.sensors.redis_pub_sub import RedisPubSubSensor
from airflow.providers.redis.triggers.redis_await_message import AwaitMessageTrigger
from airflow.sdk import DAG, BaseOperator, task

CHANNELS = {"sensed", "deferred"}


class AwaitMessage(BaseOperator):
    """The provider has the trigger, and no operator that defers to it."""

    def execute(self, context):
        trigger = AwaitMessageTrigger(channels="deferred", poll_interval=0.1)
        self.defer(trigger=trigger, method_name="done")

    def done(self, context, event=None):
        return event["data"]


with DAG("run_redis", schedule=None):
    key = RedisKeySensor(
        task_id="key", key="{{ dag.dag_id }}", redis_conn_id="redis_default", poke_interval=0.1
    )
    # It receives the message; then it fails to store it, as in Airflow 3.3: bytes are no XCom.
    message = RedisPubSubSensor(
        task_id="message", channels="sensed", redis_conn_id="redis_default", poke_interval=0.1
    )
    deferred = AwaitMessage(task_id="deferred")

    @task
    def set_key():
        RedisHook("redis_default").get_conn().set("run_redis", "here")

    @task.sensor(poke_interval=0.1)
    def everybody_listens():
        listeners = RedisHook().get_conn().pubsub_numsub(*CHANNELS)
        return all(count for _, count in listeners)

    publish = [
        RedisPublishOperator(
            task_id=f"publish_{channel}",
            channel=channel,
            message="for {{ dag.dag_id }}",
            redis_conn_id="redis_default",
        )
        for channel in sorted(CHANNELS)
    ]

    @task
    def compare(ti=None):
        assert ti.xcom_pull(task_ids="deferred") == "for run_redis"

    set_key() >> key
    everybody_listens() >> publish
    deferred >> compare()
