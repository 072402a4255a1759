"""The embedded server, killed in every way."""
