"""Runs deferred tasks' triggers: claims rows here, user code in a child without credentials."""
