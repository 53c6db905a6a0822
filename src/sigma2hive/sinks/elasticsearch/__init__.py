"""An index of alerts in ECS as a sink: each alert is one document that grows."""

from sigma2hive.sinks.elasticsearch.sink import (
    check_elasticsearch,
    elasticsearch_courier,
    open_elasticsearch,
)

__all__ = ["check_elasticsearch", "elasticsearch_courier", "open_elasticsearch"]
