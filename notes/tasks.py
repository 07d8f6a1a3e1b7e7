"""Background jobs of the notes room; each calls one verb."""
