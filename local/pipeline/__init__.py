"""The runner of the synthesized CodePipeline: it knows the application only through AWS APIs."""
