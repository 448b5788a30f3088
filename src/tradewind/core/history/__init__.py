"""What the recorded history proves, and every place where it contradicts a promise of the engine.

`vocabulary` holds what is recorded and what is found. `replay` goes through one run's events,
`leases` through the times of its attempts, `sweep` through what all runs share, `slots` through a
DAG's scheduled runs. All pure; `scheduler.history` reads the rows and calls them.
"""
