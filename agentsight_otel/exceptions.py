"""Every exception the package raises on purpose.

    AgentSightException
    ├── NoApiKeyException
    ├── InvalidApiKeyException
    ├── ConfigurationException               (ValueError)
    ├── MissingConversationIdException       (ValueError)
    ├── NoConversationIdException
    ├── NoDataToSendException
    ├── ApiServerException
    ├── AgentSightApiJwtExpiredException
    ├── AgentSightClientNotInitializedException   (RuntimeError)
    ├── InvalidAttachmentException
    │   └── InvalidAttachmentModeException   (ValueError)
    └── ConversationTrackingException
        ├── InvalidConversationDataException
        │   └── InvalidChoiceException       (ValueError)
        ├── InvalidQuestionDataException
        ├── InvalidAnswerDataException
        ├── ConversationNetworkException
        └── ConversationApiException         (.status_code, .response_data)
            ├── NotFoundException            (404)
            ├── UnauthorizedException        (401)
            ├── ForbiddenException           (403)
            └── RateLimitedException         (429, .retry_after)

The names are those of the AgentSight SDK 0.0.44. Bad input carries ``field`` (the parameter that was
wrong) and ``limit`` (what it may be); no message ever contains an API key or a conversation's text.
"""

from __future__ import annotations

from typing import Any


class AgentSightException(Exception):
    """Base of everything this package raises on purpose.

    Attributes:
        field: Name of the parameter or setting at fault, or None.
        limit: What that parameter may be, in words, or None.
    """

    default_message = "AgentSight error"

    def __init__(
        self, message: str | None = None, *, field: str | None = None, limit: str | None = None
    ) -> None:
        super().__init__(message or self.default_message)
        self.message = message or self.default_message
        self.field = field
        self.limit = limit


class NoApiKeyException(AgentSightException):
    """No API key was given where one is needed."""

    default_message = (
        "No AgentSight API key: set AGENTSIGHT_API_KEY or pass api_key=. "
        "`agentsight-otel serve` makes one for a local server."
    )


class InvalidApiKeyException(AgentSightException):
    """The API key does not have the form of an AgentSight key; the key itself is not shown."""

    default_message = "The AgentSight API key is malformed: expected ags_ + 32 hex digits + _ + 6 hex digits."


class ConfigurationException(AgentSightException, ValueError):
    """A setting has a value it cannot have."""


class MissingConversationIdException(AgentSightException, ValueError):
    """A conversation id is needed and is missing or blank."""

    default_message = "conversation_id is required and cannot be empty"


class NoConversationIdException(AgentSightException):
    """Kept for code that catches it; this package names a conversation itself where 0.0.44 could not."""


class NoDataToSendException(AgentSightException):
    """``send_tracked_data()`` was called and nothing has been tracked for the conversation."""

    default_message = "No tracked data found for conversation."


class ApiServerException(AgentSightException):
    """Kept for code that catches it; server errors raise ConversationApiException."""


class AgentSightApiJwtExpiredException(AgentSightException):
    """Kept for code that catches it; API keys do not expire as tokens do."""


class AgentSightClientNotInitializedException(AgentSightException, RuntimeError):
    """Kept for code that catches it; the clients initialise themselves on first use."""


class InvalidAttachmentException(AgentSightException):
    """An attachment is malformed, unreadable or over a limit."""

    default_message = "Invalid attachment"


class InvalidAttachmentModeException(InvalidAttachmentException, ValueError):
    """The attachment mode is neither ``base64`` nor ``form_data``."""


class ConversationTrackingException(AgentSightException):
    """Base of the errors about a conversation's data and its delivery."""


class InvalidConversationDataException(ConversationTrackingException):
    """A field of a conversation, action or button is missing, blank, too long or of the wrong type."""

    default_message = "Invalid conversation data provided"


class InvalidChoiceException(InvalidConversationDataException, ValueError):
    """A field that takes one of a few values has another one."""


class InvalidQuestionDataException(ConversationTrackingException):
    """The text of a human message is missing or blank."""

    default_message = "message is required and cannot be blank"


class InvalidAnswerDataException(ConversationTrackingException):
    """The text of an agent message is missing or blank."""

    default_message = "message is required and cannot be blank"


class ConversationNetworkException(ConversationTrackingException):
    """The backend could not be reached, or did not answer in time."""


class ConversationApiException(ConversationTrackingException):
    """The backend answered with an error.

    Attributes:
        status_code: The HTTP status, or None.
        response_data: The parsed body of the answer, or None.
    """

    def __init__(
        self, message: str | None = None, status_code: int | None = None, response_data: Any = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.response_data = response_data


class NotFoundException(ConversationApiException):
    """The conversation or other resource does not exist (404)."""

    default_message = "Resource not found"

    def __init__(self, message: str | None = None, response_data: Any = None) -> None:
        super().__init__(message, 404, response_data)


class UnauthorizedException(ConversationApiException):
    """The API key was refused (401)."""

    default_message = "Unauthorized: the API key is missing or was refused"

    def __init__(self, message: str | None = None, response_data: Any = None) -> None:
        super().__init__(message, 401, response_data)


class ForbiddenException(ConversationApiException):
    """The API key may not do this (403), for example a read key that writes."""

    default_message = "Forbidden: this API key may not do this"

    def __init__(self, message: str | None = None, response_data: Any = None) -> None:
        super().__init__(message, 403, response_data)


class RateLimitedException(ConversationApiException):
    """Too many requests (429).

    Attributes:
        retry_after: Seconds to wait, as the server said, or None.
    """

    default_message = "Too many requests"

    def __init__(
        self, message: str | None = None, response_data: Any = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, 429, response_data)
        self.retry_after = retry_after
