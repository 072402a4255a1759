"""The work of myloware that goes beyond a query."""
