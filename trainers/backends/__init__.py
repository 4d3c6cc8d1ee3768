"""Where training happens; each module is a plug-in of group `tunegate.backends`."""
