"""Background jobs of the commissions room; each calls one verb."""
