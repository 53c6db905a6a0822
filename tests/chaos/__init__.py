"""What the service holds through: kills, and everything around it failing (issue 7's contract)."""
