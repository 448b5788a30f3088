"""Files and objects by URL. Local files need nothing; other places need fsspec, imported on use."""

from typing import Any

__all__ = ["ObjectStoragePath"]


def __getattr__(name: str) -> Any:
    if name == "ObjectStoragePath":
        from tradewind.sdk.io.path import ObjectStoragePath

        return ObjectStoragePath
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
