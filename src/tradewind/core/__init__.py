"""The vocabulary and every scheduling decision, as pure values and functions.

No I/O, no clock, no randomness: whatever a decision needs comes in as an argument. Importable with
the standard library, msgspec and (in `core.timetables`) cronsim alone.
"""
