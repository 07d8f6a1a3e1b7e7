"""What goes wrong with the embedded servers, told in one line."""


class EmbeddedError(Exception):
    """The embedded servers cannot do what was asked; ``str()`` is one clear line for a person."""
