"""Logs, bundle archives and large XComs behind one URL."""
