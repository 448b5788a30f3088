"""A task with nothing to do: a point for arrows to meet."""

from typing import Any

from tradewind.sdk.baseoperator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing. The scheduler marks it done without starting a process."""

    ui_color = "#e8f7e4"
    inherits_from_empty_operator = True

    def execute(self, context: Any) -> None:
        """Nothing."""
