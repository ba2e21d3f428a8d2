"""Capabilities that the layers are wired from."""
