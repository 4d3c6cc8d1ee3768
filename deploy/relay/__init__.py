"""A relay: the engine's HTTP face in front of a vLLM server, with the check of the attestation in between."""
