"""The pipeline that deploys every environment, and the access it needs in their accounts."""
