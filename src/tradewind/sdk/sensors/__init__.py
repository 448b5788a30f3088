"""The standard sensors: tasks that wait for something. Each module is one kind of it."""
