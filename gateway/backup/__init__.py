"""A whole installation in one file: rows, blobs, keys and the admin's files."""
