"""Wait for something outside, in the three ways there are.

- poke: the sensor keeps its slot and looks again and again; for short waits.
- reschedule: it gives the slot back between two looks; for long ones.
- deferrable: it hands the wait over to the triggerer, where thousands cost next to nothing.
"""

import random
import tempfile
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, PokeReturnValue, task

MARKER = Path(tempfile.gettempdir(), "tradewind-example-marker")

with DAG("waiting", schedule=None, tags=["example"]):

    @task
    def produce() -> None:
        MARKER.write_text("ready")

    # A sensor is a task that says whether it is done, and may hand on what it found.
    @task.sensor(poke_interval=2, timeout=60, mode="poke")
    def wait_for_file() -> PokeReturnValue:
        if not MARKER.exists():
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=MARKER.read_text())

    # soft_fail: when its time is up the sensor is skipped instead of failed.
    @task.sensor(poke_interval=5, timeout=30, mode="reschedule", soft_fail=True)
    def wait_for_good_luck() -> bool:
        return random.random() < 0.5

    pause = TimeDeltaSensor(task_id="pause", delta=timedelta(seconds=3), deferrable=True)

    @task
    def consume(text: str) -> str:
        MARKER.unlink(missing_ok=True)
        return f"found: {text}"

    text = wait_for_file()
    produce() >> text
    [consume(text), wait_for_good_luck()] >> pause
