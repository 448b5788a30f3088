"""Where attempts run: the contract in `base`, one implementation a module.

Executors start and cancel attempts and say what became of them. They never decide about retries and
never touch the scheduler's tables.
"""
