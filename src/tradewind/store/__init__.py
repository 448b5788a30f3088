"""Every table and every SQL statement, on PostgreSQL and SQLite alike.

One module a noun, one function a statement, set-based. Nothing here decides anything: decisions are
in `core`, and what comes back is plain values. Functions take an open transaction first.
"""
