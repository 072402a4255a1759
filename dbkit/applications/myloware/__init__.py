"""The work of myloware that goes beyond a query: workers that replay failed webhooks."""
