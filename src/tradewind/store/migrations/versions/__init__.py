"""Nothing here but revisions."""
