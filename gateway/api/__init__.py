"""The HTTP front: OpenAI's wire contract over the store. Handlers only read, write and enqueue."""
