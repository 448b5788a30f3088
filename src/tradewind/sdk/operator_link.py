"""`BaseOperatorLink`: a button on the task's page that leads to some other system."""

from __future__ import annotations

from typing import Any, ClassVar


class BaseOperatorLink:
    """Define `name` and `get_link`; put an instance into the operator's `operator_extra_links`."""

    operators: ClassVar[list[type]] = []
    name: str = ""

    @property
    def xcom_key(self) -> str:
        """Under which XCom the link's address is kept."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address."""
        raise TypeError(f"{type(self).__name__} does not define get_link()")
