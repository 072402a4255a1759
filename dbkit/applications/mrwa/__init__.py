"""The work of mrwa that goes beyond a query."""
