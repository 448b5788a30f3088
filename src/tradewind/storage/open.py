"""From the storage's URL to the storage."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tradewind.core.errors import UserError
from tradewind.storage.base import Storage
from tradewind.storage.folder import FolderStorage

_BUCKETS = frozenset({"s3", "gs", "az"})
_FORMS = (
    "Write file:///absolute/path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix."
)


def open_storage(url: str) -> Storage:
    """The storage at `url`: a path, or file://, s3://, gs:// or az://.

    Nothing is contacted yet. Buckets take their credentials and endpoint from the environment, as
    the clouds' own tools do. Raises UserError for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme in _BUCKETS and parts.netloc:
        return _open_bucket(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FolderStorage(Path(unquote(parts.path)))
    if parts.scheme == "" and parts.path:
        return FolderStorage(Path(url).expanduser().absolute())
    raise UserError(f"The storage URL {url!r} is not understood.", hint=_FORMS)


def _open_bucket(url: str) -> Storage:
    # Not at the top: most installations store in a folder, and the library takes its time.
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    from tradewind.storage.objects import ObjectStorage

    try:
        store = from_url(
            url, retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
        )
    except (BaseError, ValueError) as error:
        raise UserError(f"The storage {url} cannot be opened: {error}", hint=_FORMS) from error
    return ObjectStorage(store, url)
