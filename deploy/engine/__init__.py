"""The embedded inference server: one base model and many adapters on it, behind a Unix socket.

`process` starts it from another process; everything else runs inside the subprocess.
"""
