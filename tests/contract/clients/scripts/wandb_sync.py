"""Weights & Biases' result sync, offline: the metrics of a job's result file arrive in a run."""

import json
import time

import wandb
from openai import OpenAI
from wandb.integration.openai.fine_tuning import WandbLogger

client = OpenAI()
row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
rows = b"".join(json.dumps(row).encode() + b"\n" for _ in range(10))
file = client.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)

logged = []
log = wandb.Run.log
wandb.Run.log = lambda self, data, step=None, **more: (logged.append((step, data)), log(self, data, step=step, **more))
pause = time.sleep
time.sleep = lambda seconds: pause(min(seconds, 0.1))
# Both need wandb's own servers.
WandbLogger._ensure_logged_in = classmethod(lambda cls: None)
WandbLogger._log_artifacts = classmethod(lambda cls, *arguments: None)
assert "completed" in WandbLogger.sync(fine_tune_job_id=job.id, openai_client=client, project="p")
assert logged == [
    (1, {"train_loss": 1.5, "train_accuracy": 0.5}),
    (2, {"train_loss": 1.25, "train_accuracy": 0.75}),
], logged
