"""The error tree: user mistakes, infrastructure failures and our own bugs are three branches."""


class TradewindError(Exception):
    """Root of all errors raised on purpose. `hint` says what the user can do about it."""

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n")[0])
        self.hint = hint


class UserError(TradewindError):
    """Something that the user wrote or asked for is wrong; the message says what and where."""


class NotFound(UserError):
    """The named thing does not exist."""


class Conflict(UserError):
    """The thing exists already, or its state does not allow the request."""


class InvalidDag(UserError):
    """A DAG file holds something that cannot be scheduled."""


class InfrastructureError(TradewindError):
    """Something outside (database, disk, network, process) failed; trying again may help."""


class Superseded(InfrastructureError):
    """The writer's attempt, lease or revision is no longer the current one; nothing was written."""


class UnsupportedSchema(UserError):
    """A document or database was written by a newer Tradewind."""
