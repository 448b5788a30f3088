"""What every answer is made with: the transaction, who asks, and how to refuse."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from tradewind.core.errors import NotFound, Superseded, UserError
from tradewind.store import listings
from tradewind.store.engine import AnyRow, Store


@dataclass(frozen=True)
class Call:
    """One request. `attempt_id`: the attempt whose channel it came through; None when it came from
    a parsing child or a trigger's process."""

    store: Store
    tx: Connection
    attempt_id: int | None
    state_retention: timedelta | None

    @property
    def now(self) -> datetime:
        return self.store.clock.now()

    def check_fence(self) -> None:
        """Raise Superseded if the asking attempt (if any) may no longer change anything."""
        if self.attempt_id is not None:
            self.current_instance(self.attempt_id)

    def current_instance(self, named: int) -> AnyRow:
        """The task instance of the attempt that the request names, which must be the asking one.

        It stays its current attempt until the transaction ends. Raises Superseded.
        """
        self._check_same(named)
        row = listings.instance_of_attempt(self.tx, named, current_only=True, lock=True)
        if row is None:
            raise Superseded(f"Attempt {named} is no longer the current one of its task instance.")
        return row

    def instance(self, named: int) -> AnyRow:
        """As `current_instance`, for reading: the attempt may have ended. Raises NotFound."""
        self._check_same(named)
        row = listings.instance_of_attempt(self.tx, named)
        if row is None:
            raise NotFound(f"There is no attempt {named}.")
        return row

    def _check_same(self, named: int) -> None:
        if self.attempt_id is not None and self.attempt_id != named:
            raise UserError(f"Attempt {self.attempt_id} cannot ask in the name of {named}.")
