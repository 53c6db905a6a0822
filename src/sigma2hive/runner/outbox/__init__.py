"""From the outbox to the sinks: each alert at least once, and once where it arrives."""
