"""The work of softwarestudio that goes beyond a query."""
