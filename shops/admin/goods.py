"""Staff pages: to be filled."""
