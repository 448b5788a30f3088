"""Docker's operators where no Docker is."""

import pendulum
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import DAG, task

NOWHERE = "tcp://127.0.0.1:1"

with DAG("run_docker", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    DockerOperator(task_id="container", image="alpine", command="true", docker_url=NOWHERE)

    @task.docker(image="python:3.12", docker_url=NOWHERE)
    def function(number: int) -> int:
        return number + 1

    function(1)
