"""Plug-ins that read a whole data set through bounded sketches."""
