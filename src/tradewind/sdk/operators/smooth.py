"""Airflow's joke."""

from typing import Any

from tradewind.sdk.baseoperator import BaseOperator


class SmoothOperator(BaseOperator):
    """Logs where to listen to Sade."""

    ui_color = "#e8f7e4"
    yt_link = "https://www.youtube.com/watch?v=4TYv2PhG89A"

    def execute(self, context: Any) -> None:
        self.log.info("Enjoy Sade - Smooth Operator: %s", self.yt_link)
