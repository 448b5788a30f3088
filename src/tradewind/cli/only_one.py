"""At most one standalone on a home: the folder is held with a lock that ends with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewind.core.errors import UserError


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold `home`. Raises UserError when another process does."""
    path = home / "standalone.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UserError(
                f"A standalone runs on {home} already (process {holder}).",
                hint="Stop that one, or give this one a home of its own with TRADEWIND_HOME.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
