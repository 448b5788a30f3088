"""A run: its DAG as a plan, its state, and every decision about its task instances."""
