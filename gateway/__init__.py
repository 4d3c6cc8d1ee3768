"""The front door: HTTP, command line and the pipeline that joins the other four packages."""
