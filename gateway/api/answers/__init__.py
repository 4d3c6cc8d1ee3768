"""The shape of every answer, for `GET /openapi.json`."""
