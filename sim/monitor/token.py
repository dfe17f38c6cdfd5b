"""The word that lets a page act: printed at the terminal, good for one page, and not to be guessed."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import final

# 60 bits: a thousand guesses a second for a million years.
_TOKEN_BYTES = 8
# Wrong words before a token is worth nothing any more.
MAX_WRONG = 5


@final
class OneTimeToken:
    """Keeps a token that is spent when it is used, or guessed at too often; each new one is announced.

    Args:
        announce: Called with every new token; prints it where only the operator reads.
        draw: Returns a new token.
    """

    def __init__(
        self,
        announce: Callable[[str], object],
        draw: Callable[[], str] = lambda: secrets.token_urlsafe(_TOKEN_BYTES),
    ) -> None:
        self._announce = announce
        self._draw = draw
        self._wrong = 0
        self._token = draw()
        announce(self._token)

    def spend(self, word: str) -> bool:
        """Return whether this is the token, which then is one no longer."""
        good = hmac.compare_digest(word.strip().encode(), self._token.encode())
        self._wrong = 0 if good else self._wrong + 1
        if good or self._wrong >= MAX_WRONG:
            self._wrong, self._token = 0, self._draw()
            self._announce(self._token)
        return good
