"""The traffic controller: freeze, shift, verify and roll back releases; knows no CDK."""
