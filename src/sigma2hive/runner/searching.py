"""What a run looks at where it asks Elasticsearch: the hits of each rule's search.

Apart from `inputs`, since a run over files should not wait for Elasticsearch's client.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import Compiled
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.inputs import Input
from sigma2hive.runner.own import own_patterns
from sigma2hive.runner.querying import Search, Window
from sigma2hive.settings import Settings


@contextmanager
def search_back(
    span: timedelta, settings: Settings, compiled: Compiled, profile: Profile
) -> Iterator[Input]:
    """Give what a search for each rule finds in the last `span` of Elasticsearch.

    Raises:
        ServerError: the cluster cannot be asked at all.
    """
    end_ns = time.time_ns()
    window = Window(end_ns - int(span.total_seconds()) * NANOSECONDS, end_ns)
    with open_client(settings.elasticsearch) as client:
        search = Search(
            client,
            compiled.rules,
            window,
            compiled.correlations,
            without_index=profile.without_index(),
            own=own_patterns(settings),
        )
        yield Input(search, search.failures, search.passed_over, search)
