"""Answers what a running attempt may ask, from the store, fenced by its attempt id."""
