"""Brings the database's schema and the application's login to what this release needs, before traffic reaches it."""
