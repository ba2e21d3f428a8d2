"""The runner of the synthesized pipeline, with fake ports and a fake AWS."""
