"""LlamaIndex's OpenAIFinetuneEngine, and the model it makes of what comes back."""

import json
import sys
import time
import types
from pathlib import Path

# The package imports every provider's engine, some with gigabytes of needs; this one stands alone.
import llama_index

found = next(Path(place) / "finetuning" for place in llama_index.__path__ if (Path(place) / "finetuning").exists())
package = types.ModuleType("llama_index.finetuning")
package.__path__ = [str(found)]
sys.modules["llama_index.finetuning"] = package
reranker = types.ModuleType("llama_index.postprocessor.cohere_rerank")
reranker.CohereRerank = object
sys.modules["llama_index.postprocessor.cohere_rerank"] = reranker
from llama_index.finetuning.openai.base import OpenAIFinetuneEngine  # noqa: E402

row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for _ in range(10)))

engine = OpenAIFinetuneEngine("gpt-4o-mini-2024-07-18", "rows.jsonl", validate_json=False)
engine.finetune()
while (job := engine.get_current_job()).status not in ("succeeded", "failed"):
    assert job.fine_tuned_model is None
    time.sleep(0.2)
model = engine.get_finetuned_model()
assert model.metadata.context_window == 128_000  # told from the base's name within the model's
assert str(model.complete("hi")) == "hello 0"
