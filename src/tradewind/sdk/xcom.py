"""`BaseXCom`: the name of the return value's XCom, and reading XComs of other runs."""

from __future__ import annotations

from typing import Any, ClassVar

from tradewind.core import protocol
from tradewind.sdk import serde
from tradewind.sdk.comms import get_channel
from tradewind.sdk.exceptions import NotInTaskContext
from tradewind.sdk.xcom_arg import RETURN_VALUE


class BaseXCom:
    """Airflow's class of the same name, as far as tasks use it."""

    XCOM_RETURN_KEY: ClassVar[str] = RETURN_VALUE

    @classmethod
    def get_one(
        cls,
        *,
        key: str = RETURN_VALUE,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any:
        """One value, or None when nobody pushed it."""
        channel = get_channel()
        if channel is None:
            raise NotInTaskContext("XComs can only be read inside a running task.")
        reply = channel.request(
            protocol.GetXCom(
                dag_id=dag_id,
                run_id=run_id,
                task_id=task_id,
                key=key,
                map_index=map_index,
                include_prior_dates=include_prior_dates,
            )
        )
        found = isinstance(reply, protocol.XComReply) and reply.found
        return serde.decode(reply.value) if found else None  # type: ignore[union-attr]
