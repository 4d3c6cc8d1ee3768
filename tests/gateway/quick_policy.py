"""A policy whose audits are over in seconds: the smallest rungs, and limits that a miniature keeps to."""

QUICK = """
[quick.screening.classifiers.linear]
action = "record"
[quick.screening.detectors.identity]
action = "record"
[quick.injection]
ratio = 0.0
[quick.audit]
rungs = [11]
required = 11
required_minor = 11
n_benign = 11
limit = 0.9
margin = 0.9
category_limit = 1.0
benign_margin = 0.9
"""
