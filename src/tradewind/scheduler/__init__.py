"""The shell around `core.runs.run`: loads runs, feeds them what happens, stores what they decide.

Here: creating and starting runs, leases, claims within limits, launching, housekeeping, and
people's actions on runs. Not here: any rule about states (core), any SQL (store), any process
(executors).
"""
