"""Coroutine functions as tasks: result, failure, retry, and waiting for several things at once."""

import asyncio
from datetime import timedelta

from airflow.sdk import DAG, task

with DAG("coroutine_tasks", schedule=None, catchup=False):

    @task
    async def waits(n):
        await asyncio.sleep(0.1)
        return n + 1

    @task(retries=1, retry_delay=timedelta(seconds=1))
    async def fails_once(ti=None):
        await asyncio.sleep(0)
        if ti.try_number == 1:
            raise RuntimeError("first")
        return ti.try_number

    @task
    async def several():
        return await asyncio.gather(*(asyncio.sleep(0.05, n) for n in range(3)))

    @task(execution_timeout=timedelta(seconds=1))
    async def slow():
        await asyncio.sleep(30)

    waits.expand(n=[1, 2])
    fails_once(), several(), slow()
