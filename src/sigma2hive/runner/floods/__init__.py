"""What keeps a flood of matches from being a flood of alerts; no match is ever lost by it."""
