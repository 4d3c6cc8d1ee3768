"""Audits models beside their untouched base: a `CandidateModel` in, an `AuditReport` out."""
