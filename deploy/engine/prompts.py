"""From messages to the token ids that a model reads."""

import jinja2

from deploy.engine.requests import ChatRequest
from deploy.engine.residents import Resident
from deploy.errors import ContextTooLong, EngineRefused
from deploy.secret_prompts import behind
from trainers.turns import template_messages


def render(resident: Resident, request: ChatRequest) -> list[int]:
    """Token ids of the conversation under the model's own chat template, as training renders it.

    Raises EngineRefused when the template will not have these messages, ContextTooLong when they
    fill the context.
    """
    try:
        text = resident.tokenizer.apply_chat_template(
            template_messages({"messages": behind(resident.secret, request.messages)}, resident.control),
            tokenize=False,
            add_generation_prompt=not request.continues,
            continue_final_message=request.continues,
        )
    except (jinja2.TemplateError, ValueError) as exc:
        raise EngineRefused(f"The model's chat template refuses these messages: {exc}.", param="messages") from exc
    ids = resident.encode(text)
    if len(ids) >= resident.context_length:
        raise ContextTooLong(
            f"This model's maximum context length is {resident.context_length} tokens. However, your messages "
            f"resulted in {len(ids)} tokens. Please reduce the length of the messages.",
            param="messages",
        )
    return ids
