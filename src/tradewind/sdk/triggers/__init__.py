"""Triggers: what a deferred task waits for, as small coroutines. Nothing here may block."""
