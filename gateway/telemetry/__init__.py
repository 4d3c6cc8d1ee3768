"""What the processes tell of themselves: logs of identifiers and counts, and spans of traces. Never content."""
