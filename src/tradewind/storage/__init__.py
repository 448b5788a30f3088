"""Bundle archives, logs and large XComs behind one URL: a folder, S3, Google or Azure storage.

What is stored is bytes under a key. No knowledge of what they mean, and no database, in here.
"""

from tradewind.storage.base import Storage, StorageError
from tradewind.storage.open import open_storage

__all__ = ["Storage", "StorageError", "open_storage"]
