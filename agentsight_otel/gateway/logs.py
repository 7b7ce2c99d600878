"""uvicorn's log without what was being handled: an error's message may quote a conversation."""

from __future__ import annotations

import logging
import traceback


def hide_error_texts() -> None:
    """Make uvicorn log an error by its kind and place only, from now on in this process."""
    logger = logging.getLogger("uvicorn.error")
    if _hide not in logger.filters:
        logger.addFilter(_hide)


def _hide(record: logging.LogRecord) -> bool:
    if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
        places = "".join(traceback.format_tb(record.exc_info[2]))
        record.exc_text = f"{places}{record.exc_info[0].__name__}"
        record.exc_info = None
    return True
