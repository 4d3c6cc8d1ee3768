"""The training subprocess, `python -m trainers.recipe RUN_DIR PARENT_PID`. Private to the backends."""
