"""Create runs, advance them, claim tasks within limits; thin shell around `core`."""
