"""What `make bench` runs: ratios, each measured in one run against a named rival or limit."""
