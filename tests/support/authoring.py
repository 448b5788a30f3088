"""What tests of authoring share."""

from typing import Any

from tradewind.sdk import DAG, BaseOperator


class Work(BaseOperator):
    """An operator with a template field and an argument of its own."""

    template_fields = ("text",)

    def __init__(self, text: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context: Any) -> Any:
        return self.text


def arrows(dag: DAG) -> dict[str, list[str]]:
    """Task id → the ids below it."""
    return {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
