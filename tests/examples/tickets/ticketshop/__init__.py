"""An API that sells seats."""
