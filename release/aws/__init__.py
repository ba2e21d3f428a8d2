"""The controller's ports on AWS, by boto3. The only modules of this package that know AWS's APIs."""
