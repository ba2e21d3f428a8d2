"""The embedded AWS: ministack in a process of its own, and what the product needs on top of it."""
