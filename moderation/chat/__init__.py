"""The one way to talk to a language model."""

from moderation.chat.types import ChatModel, Conversation, Finish, Reply, Sampling, Turn

__all__ = ["ChatModel", "Conversation", "Finish", "Reply", "Sampling", "Turn"]
