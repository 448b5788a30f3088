"""Looking for files, as FileSensor and FileTrigger mean it."""

import os
from glob import iglob


def first_match(pattern: str, recursive: bool = False) -> str | None:
    """The first match of a glob that is a file, or a folder with any file below it."""
    for path in iglob(pattern, recursive=recursive):
        if os.path.isfile(path) or any(files for _, _, files in os.walk(path)):
            return path
    return None
