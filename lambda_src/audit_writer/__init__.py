"""The audit writer: every event of a payment becomes one object that nobody overwrites."""
