"""What a payment costs, compared with doing nothing on the same road."""
