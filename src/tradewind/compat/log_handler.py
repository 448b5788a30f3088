"""What provider packages with log handlers of their own import from `airflow.utils.log`."""

from __future__ import annotations

import logging
import re

from tradewind.core.errors import UserError

_ESCAPE_CODE = re.compile(r"\x1b[@-_][0-?]*[ -/]*[@-~]")


class FileTaskHandler(logging.Handler):
    """Base of Airflow's log handlers. They can be imported, but not used."""

    def __init__(
        self, base_log_folder: str, max_bytes: int = 0, backup_count: int = 0, delay: bool = False
    ) -> None:
        raise UserError(
            f"{type(self).__name__} is a log handler of Airflow's; Tradewind writes the logs of "
            "tasks itself.",
            hint="Where they are kept is set with TRADEWIND_LOGGING__FOLDER; see "
            "docs/configuration.md.",
        )


def remove_escape_codes(text: str) -> str:
    """Without the codes that colour a terminal."""
    return _ESCAPE_CODE.sub("", text)
