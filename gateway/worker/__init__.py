"""The process that does the work: it runs jobs, owns the engines, and answers for the classifiers."""
