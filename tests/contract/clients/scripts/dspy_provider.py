"""DSPy's OpenAI provider (what BootstrapFinetune drives): a job to its end, and one that is cancelled."""

import time

from dspy.clients import openai as provider
from dspy.clients.utils_finetune import TrainDataFormat

pause = time.sleep
provider.time.sleep = lambda seconds: pause(min(seconds, 0.1))
ROWS = [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}] * 10
MODEL = "openai/gpt-4o-mini-2024-07-18"


def job() -> provider.TrainingJobOpenAI:
    return provider.TrainingJobOpenAI(model=MODEL, train_data=ROWS, train_data_format=TrainDataFormat.CHAT)


trained = job()
name = provider.OpenAIProvider.finetune(trained, MODEL, ROWS, TrainDataFormat.CHAT)
assert name.startswith("ft:gpt-4o-mini-2024-07-18:"), name
assert provider.OpenAIProvider.is_provider_model(name)
assert trained.status().name == "succeeded"

patient = job()
patient.provider_file_id = trained.provider_file_id
started = provider.openai.fine_tuning.jobs.create(
    model="gpt-4o-mini-2024-07-18", training_file=trained.provider_file_id, suffix="patient"
)
patient.provider_job_id = started.id
patient.cancel()
assert provider.openai.fine_tuning.jobs.retrieve(started.id).status == "cancelled"
assert not provider.OpenAIProvider.does_job_exist("None")
