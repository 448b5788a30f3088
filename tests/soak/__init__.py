"""Steady load on the real system for a while, and whether anything grows that should not.

`python -m soak` (see `make soak`) runs it. Not collected by pytest: it takes as long as it is told.
"""
