"""What the two clients share: settings resolved at the first call, one session, lazy pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentsight_otel.clients.checks import checked_ref
from agentsight_otel.clients.http import RestClient
from agentsight_otel.clients.query import Params
from agentsight_otel.config import LEGACY_SETTINGS, Config
from agentsight_otel.exceptions import ConversationApiException, NotFoundException
from agentsight_otel.forking import SETUP

PAGE_SIZE = 100
"""Rows per request when iterating; the most the contract allows."""


class Client:
    """Base of the clients.

    Args:
        api_key: API key; default: the variable ``AGENTSIGHT_API_KEY``, read at the first call.
        endpoint: Base URL; default: ``AGENTSIGHT_API_ENDPOINT`` or the hosted service.
        config: Settings to start from, in place of the environment.
        **kwargs: Other settings of `Config` by name, for example ``timeout``.

    Raises:
        InvalidApiKeyException: *api_key* is malformed.
        ConfigurationException: Another setting has a value it cannot have.
    """

    def __init__(
        self,
        api_key: str | None = None,
        endpoint: str | None = None,
        config: Config | None = None,
        **kwargs: Any,
    ) -> None:
        self._base = config
        self._arguments: dict[str, Any] = {}
        self._rest: RestClient | None = None
        self.configure(api_key=api_key, endpoint=endpoint, **kwargs)

    @property
    def config(self) -> Config:
        """The settings in force; the environment is read anew until the first request."""
        if self._base is not None:
            return self._base.replace(**self._arguments)
        return Config.resolve(**self._arguments)

    def configure(self, **settings: Any) -> None:
        """Change settings of this client by name; None changes nothing.

        Raises:
            InvalidApiKeyException: The key is malformed.
            ConfigurationException: Another setting has a value it cannot have.
        """
        given = {
            name: value
            for name, value in settings.items()
            if value is not None and name not in LEGACY_SETTINGS
        }
        Config.resolve({}, **given)  # refuses bad values here rather than at the first call
        with SETUP:
            self._arguments |= given
            self.close()

    def use(self, config: Config) -> None:
        """Take settings as a whole, in place of those in force."""
        with SETUP:
            self._base, self._arguments = config, {}
            self.close()

    def close(self) -> None:
        """Close the connections; the client opens new ones when it is used again."""
        with SETUP:
            stale, self._rest = self._rest, None
        if stale is not None:
            stale.close()

    def _request(self, method: str, path: str, *, params: Params | None = None, json: Any = None) -> Any:
        with SETUP:
            if self._rest is None:
                self._rest = RestClient(self.config)
            rest = self._rest
        return rest.request(method, path, params=params or [], json=json)

    def _get(self, path: str, params: Params | None = None) -> Any:
        return self._request("GET", path, params=params)

    def _resolve(self, conversation_id: int | str) -> int:
        """Return the integer key of a conversation, asking the server when given a string."""
        ref = checked_ref(conversation_id)
        if isinstance(ref, int):
            return ref
        found = self._get("/api/conversations/lookup/", [("conversation_id", ref)])
        if not isinstance(found, dict) or not isinstance(found.get("id"), int):
            raise ConversationApiException("the lookup answered without an id", 200, found)
        return int(found["id"])

    def _conversation_path(self, conversation_id: int | str, tail: str = "") -> str:
        return f"/api/conversations/{self._resolve(conversation_id)}/{tail}"

    def _pages(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        """Yield every row of a list, page by page, each row once even when new rows push others on."""
        fixed = [pair for pair in params if pair[0] not in {"page", "page_size"}]
        seen: set[Any] = set()
        number = 0
        while True:
            number += 1
            try:
                page = self._get(path, [*fixed, ("page", str(number)), ("page_size", str(PAGE_SIZE))])
            except NotFoundException:
                if number == 1:
                    raise
                return  # rows went away while we were reading
            rows = page if isinstance(page, list) else page.get("results", [])
            for row in rows:
                key = row.get("id")
                if key is None or key not in seen:
                    seen.add(key)
                    yield row
            if not rows or isinstance(page, list) or not page.get("next"):
                return
