"""Streams: earnings told to whoever follows them, in a process of their own (decision 21)."""
