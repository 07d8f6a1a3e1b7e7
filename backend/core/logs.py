"""Log lines: JSON with the request's id in production, one readable line elsewhere."""

import logging

import structlog
from structlog.contextvars import merge_contextvars


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats records of the standard library and of structlog alike.

    `style_name` is 'json' or 'console'.
    """

    def __init__(self, style_name: str = "console") -> None:
        renderer: structlog.typing.Processor = (
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if style_name == "json"
            else structlog.dev.ConsoleRenderer(colors=False)
        )
        super().__init__(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )


def get(name: str) -> logging.Logger:
    """The logger of a module."""
    return logging.getLogger(name)
