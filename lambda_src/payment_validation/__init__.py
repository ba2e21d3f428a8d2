"""`POST /payments`, and the only code that ever sees a card number."""
