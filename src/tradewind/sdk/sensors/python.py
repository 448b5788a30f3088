"""Wait for a function to say yes."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.sdk.calling import determine_kwargs
from tradewind.sdk.sensors.base import BaseSensorOperator, PokeReturnValue


class PythonSensor(BaseSensorOperator):
    """Done when `python_callable(*op_args, **op_kwargs)` returns something true.

    It is called as PythonOperator calls its function. A `PokeReturnValue` also gives the XCom.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: list[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.op_args = op_args or []
        self.op_kwargs = op_kwargs or {}
        self.templates_dict = templates_dict

    def poke(self, context: Any) -> PokeReturnValue:
        given = {**self.op_kwargs, "templates_dict": self.templates_dict}
        known = ChainMap(given, context)
        self.log.info("Poking callable: %s", self.python_callable)
        kwargs = determine_kwargs(self.python_callable, self.op_args, known)
        answer = self.python_callable(*self.op_args, **kwargs)
        if isinstance(answer, PokeReturnValue):
            return answer
        return PokeReturnValue(bool(answer))
