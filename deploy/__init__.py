"""Decides, holds and serves: an `AuditReport` in, a `ReleasedModel` out."""
