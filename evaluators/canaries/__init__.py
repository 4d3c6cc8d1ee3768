"""Questions with known answers among what a judge is asked: one that misses them fails the audit, not the model."""
