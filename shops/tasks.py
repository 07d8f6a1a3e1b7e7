"""Background jobs of the shops room; each calls one verb."""
