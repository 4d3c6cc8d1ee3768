"""Chat through the gateway beside other ways to the same model."""
