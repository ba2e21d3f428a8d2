"""CodeBuild as far as a pipeline needs it: builds are child processes of this machine, without a sandbox.

Only run commits that you trust.
"""
