"""What the functions share: money, errors, configuration, the edge's requests, and what an operator gets to see."""
