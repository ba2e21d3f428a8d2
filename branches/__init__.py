"""The environments of branches and pull requests: made, brought up to date, priced, removed. No CDK."""
