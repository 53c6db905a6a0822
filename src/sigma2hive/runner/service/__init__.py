"""The service: cycles that read, match and store; what wakes it and what ends it."""
