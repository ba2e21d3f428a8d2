"""The embedded AWS and the local pipeline: the synthesized templates and pipeline, run on this machine."""
