"""Alembic's revisions, forward only. Each is frozen once released; `versions/NNNN_what.py`."""
