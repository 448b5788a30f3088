"""The scheduler's real code in a simulated world: virtual time, faults, and a checker at the end.

A seed makes a `Case` (what there is and what goes wrong, spelled out), a `World` plays it, and the
checker says what should not have been. Nothing here sleeps, starts a process or asks the machine's
clock, so a seed always does the same.
"""
