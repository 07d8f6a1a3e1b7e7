"""REST doors of accounts."""
