"""The one way to talk to a language model."""

from moderation.chat.types import ChatModel, Chooser, Conversation, Finish, Reply, Sampling, Turn

__all__ = ["ChatModel", "Chooser", "Conversation", "Finish", "Reply", "Sampling", "Turn"]
