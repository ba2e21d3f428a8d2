"""Tests of a deployed environment. They read what the stacks put out, and never what they are made of."""
