"""Scores attempts to pay; its counters hold however many attempts come at once."""
