"""The systems of this repository: a generated package of typed queries for each."""
