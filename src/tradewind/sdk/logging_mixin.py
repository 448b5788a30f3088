"""`self.log` for everything that user code subclasses."""

import logging


class LoggingMixin:
    """Gives `log`, a standard logger named after the class (or `_logger_name`)."""

    _logger_prefix = ""
    _logger_name: str | None = None
    _log: logging.Logger | None = None

    @property
    def log(self) -> logging.Logger:
        if self._log is None:
            cls = type(self)
            name = self._logger_name or f"{cls.__module__}.{cls.__qualname__}"
            self._log = logging.getLogger(f"{self._logger_prefix}{name}")
        return self._log

    @property
    def logger(self) -> logging.Logger:
        return self.log
