"""From messages to the token ids that a model reads."""

import jinja2

from deploy.engine.requests import ChatRequest
from deploy.engine.residents import Resident
from deploy.errors import ContextTooLong, EngineRefused
from deploy.secret_prompts import behind
from trainers.turns import template_messages, template_tools


def render(resident: Resident, request: ChatRequest) -> list[int]:
    """Token ids of the conversation under the model's own chat template, as training renders it.

    Raises EngineRefused when the template will not have these messages or knows no tools, ContextTooLong
    when they fill the context.
    """
    row = {"messages": behind(resident.secret, request.messages), "tools": request.steers.tools}
    if resident.dialect is None and (row["tools"] or any(turn.get("tool_calls") for turn in request.messages)):
        raise EngineRefused(
            "This model's chat template has no tools, or writes calls in a way that this engine does not read; "
            "ask without `tools`, or serve the model with vLLM.",
            param="tools",
        )
    try:
        text = resident.tokenizer.apply_chat_template(
            template_messages(row, resident.control),
            tools=template_tools(row, resident.control),
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
