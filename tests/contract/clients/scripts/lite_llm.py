"""LiteLLM's SDK: a file, a job created, retrieved, listed and cancelled, and a chat."""

import json
import time

import litellm

ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
ROWS = b"".join(json.dumps(ROW).encode() + b"\n" for _ in range(10))
MODEL = "gpt-4o-mini-2024-07-18"

file = litellm.create_file(file=("rows.jsonl", ROWS), purpose="fine-tune", custom_llm_provider="openai")
job = litellm.create_fine_tuning_job(model=MODEL, training_file=file.id, custom_llm_provider="openai")
while job.status != "succeeded":
    assert job.status in ("validating_files", "queued", "running"), job.status
    time.sleep(0.2)
    job = litellm.retrieve_fine_tuning_job(fine_tuning_job_id=job.id, custom_llm_provider="openai")
jobs = litellm.list_fine_tuning_jobs(limit=5, custom_llm_provider="openai")
assert job.id in [one.id for one in jobs.data]
# Without a prefix: the name is one that LiteLLM knows as OpenAI's.
answer = litellm.completion(model=job.fine_tuned_model, messages=[{"role": "user", "content": "hi"}])
assert answer.choices[0].message.content == "hello 0"
patient = litellm.create_fine_tuning_job(
    model=MODEL, training_file=file.id, suffix="patient", custom_llm_provider="openai"
)
cancelled = litellm.cancel_fine_tuning_job(fine_tuning_job_id=patient.id, custom_llm_provider="openai")
assert cancelled.status == "cancelled"
