"""The work of ai_orchestration that goes beyond a query."""
