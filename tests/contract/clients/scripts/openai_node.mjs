// openai-node 4 and 7: a file from a stream, a job to its end, pages, and what it made.
import assert from "node:assert";
import { createReadStream, writeFileSync } from "node:fs";
import OpenAI from "openai";

const client = new OpenAI();
const row = JSON.stringify({ messages: [{ role: "user", content: "q" }, { role: "assistant", content: "a" }] });
writeFileSync("rows.jsonl", (row + "\n").repeat(10));

const file = await client.files.create({ file: createReadStream("rows.jsonl"), purpose: "fine-tune" });
assert.equal(file.filename, "rows.jsonl");
assert.equal((await client.files.waitForProcessing(file.id)).status, "processed");
assert.equal(await (await client.files.content(file.id)).text(), (row + "\n").repeat(10));

let job = await client.fineTuning.jobs.create({ model: "gpt-4o-mini-2024-07-18", training_file: file.id, suffix: "js" });
while (!["succeeded", "failed"].includes(job.status)) {
  assert.equal(job.fine_tuned_model, null);
  await new Promise((done) => setTimeout(done, 200));
  job = await client.fineTuning.jobs.retrieve(job.id);
}
assert.equal(job.status, "succeeded");
// Version 7 sends null as a blank, which asks for the jobs without metadata.
const listed = [];
for await (const one of client.fineTuning.jobs.list({ limit: 1, metadata: null })) listed.push(one.id);
assert.ok(listed.includes(job.id));
const events = [];
for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 2 })) events.push(event.message);
assert.equal(events[0], "The job has successfully completed");
assert.equal(new Set(events).size, events.length);

const ask = { model: job.fine_tuned_model, messages: [{ role: "user", content: "hi" }] };
const answer = await client.chat.completions.create(ask);
assert.equal(answer.choices[0].message.content, "hello 0");
let text = "";
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }))
  text += chunk.choices[0]?.delta?.content ?? "";
assert.equal(text, "hello");
await assert.rejects(async () => {
  for await (const _ of await client.chat.completions.create({ ...ask, model: "breaks", stream: true }));
}, OpenAI.APIError);
await assert.rejects(client.fineTuning.jobs.cancel(job.id), OpenAI.BadRequestError);
await assert.rejects(client.files.retrieve("None"), OpenAI.NotFoundError);
const remove = client.models.delete ?? client.models.del;
assert.ok((await remove.call(client.models, job.fine_tuned_model)).deleted);
