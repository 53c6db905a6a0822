"""New events of Elasticsearch, found by cursors: each is read once, and none is passed over."""
