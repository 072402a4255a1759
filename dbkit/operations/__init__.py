"""What is done with a database in use: pruned, backed up, moved, adopted, watched."""
