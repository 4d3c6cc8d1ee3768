"""How far what is served conforms to a copy of OpenAI's OpenAPI document."""
