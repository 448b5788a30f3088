"""The redis provider, against Redis."""

from providers.conftest import Tradewind
from providers.servers import Redis


def test_operator_sensors_and_trigger(tradewind: Tradewind, redis: Redis) -> None:
    done = tradewind.run("run_redis", AIRFLOW_CONN_REDIS_DEFAULT=redis.url)
    assert done.in_state("failed") == {"message"}, done.output
    assert "'channel': b'sensed', 'data': b'for run_redis'" in done.output
    assert "Cannot serialize object of type <class 'bytes'>" in done.output
    assert len(done.in_state("success")) == 7, done.output
    assert "secret/word" not in done.output
