"""Runs or forwards training: a `TrainingSet` in, an unreleased `CandidateModel` out."""
