"""The Chinese text bank and picture maker of the demo data.

Texts stand in the ``*.toml`` files beside the modules, so that a writer can edit them without
reading Python; the modules only put the parts together. Nothing here imports Django, reads the
clock or keeps a generator of its own: every maker takes a ``random.Random``, so the same seed
gives the same market.
"""
