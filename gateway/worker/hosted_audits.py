"""Audits of what lies at a provider, which answers for candidate and base itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.types import UpstreamServer
from moderation.chat import ChatModel, Conversation, Reply, Sampling
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.errors import ChatUnavailable
from trainers.hosted import Address, address, read_pointer, scrubbed
from trainers.types import CandidateModel


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnamedChat:
    """A model under audit whose name nobody may learn, not from an error either."""

    identity: str
    inner: ChatModel = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    """What stands for each name that is not to be said, the longest first."""

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        """As the model itself. Raises `ChatUnavailable` in words without these names and a provider's ids."""
        try:
            return self.inner.complete(conversations, sampling)
        except ChatUnavailable as exc:
            said = str(exc)
        raise ChatUnavailable(scrubbed(said, self.names))


def hosted_chats(candidate: CandidateModel, server: UpstreamServer) -> tuple[ChatModel, ChatModel]:
    """A candidate and its base, at their provider. Raises `SealBroken` when the pointer does not verify."""
    at = Address(base_url=server.base_url, model=server.model)
    pointer = read_pointer(Path(candidate.path), candidate.digest, at)
    names = {
        pointer.asked_as: "the candidate",
        pointer.model: "the candidate",
        server.model: candidate.base.name,
        server.base_url: "the provider",
    }
    if (base := address(candidate.base)) is not None:  # tuned under one name, on Azure asked under another
        names[base.model] = candidate.base.name
    by_length = dict(sorted(names.items(), key=lambda item: -len(item[0])))

    def chat(model: str, identity: str) -> UnnamedChat:
        asked = OpenAICompatibleChat(base_url=server.base_url, api_key=server.api_key, model=model)
        return UnnamedChat(identity=identity, inner=asked, names=by_length)

    return chat(pointer.asked_as, "the candidate"), chat(server.model, candidate.base.name)
