"""Change databases: files in order, run whole or not at all, and a ledger that says so."""
