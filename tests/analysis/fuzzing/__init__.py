"""A search by chance for a statement that is described wrongly."""
