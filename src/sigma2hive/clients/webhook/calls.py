"""The one call: a POST of JSON, with a time-out, and one of our errors where it fails.

Takes bytes and headers; gives nothing back, since any status of 2xx says that they arrived. Nothing
is sent twice here, and no redirect is followed.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests

from sigma2hive.clients.webhook.failures import error_of_library, error_of_status


class WebhookClient:
    """One receiver. Made by `open_client`. May be used from several threads.

    `server` is where it is, without path and query, which may hold what lets us in.
    """

    def __init__(self, session: requests.Session, url: str, server: str) -> None:
        self._session = session
        self._url = url
        self.server = server

    def post(self, body: bytes, headers: Mapping[str, str], what: str) -> None:
        """Post the body; `what` says in errors what it is.

        Raises:
            ServerError: the answer is not 2xx, or there is none.
        """
        try:
            response = self._session.post(self._url, data=body, headers=dict(headers))
        except (requests.RequestException, UnicodeError) as error:
            # Nothing is chained: it could hold the header that authorizes us.
            ours = error_of_library(error, self.server, what)
        else:
            if 200 <= response.status_code < 300:
                return
            ours = error_of_status(response, self.server, what)
        raise ours

    def close(self) -> None:
        """Close all connections."""
        self._session.close()
