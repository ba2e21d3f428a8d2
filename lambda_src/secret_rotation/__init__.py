"""Rotates the application's database login between two users, so that the one in use never stops working."""
