"""One environment of the payment system: its data, its stage and its layers."""
