// Drives a running gateway with the official Svix SDK for JavaScript, 1.x or 2.x: whatever
// `import "svix"` finds from where this file lies. It exits non-zero on the first thing
// that is not as it has to be.
//
//   npm install --prefix /tmp/svix svix@2.5.0 standardwebhooks@1.0.0 && cp drive.mjs /tmp/svix/
//   HOOKS_URL=http://127.0.0.1:8080 HOOKS_TOKEN=… node /tmp/svix/drive.mjs
//
// HOOKS_TOKEN is a token of the organisation. Webhooks are received on RECEIVER_HOST, by
// default 127.0.0.1, on which endpoints have to be allowed (allow_private 127.0.0.0/8).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const module = await import("svix");
const { Svix, ApiException, Webhook } = module.Svix ? module : module.default;
const standard = await import("standardwebhooks");
const StandardWebhook = (standard.Webhook ? standard : standard.default).Webhook;
const { HOOKS_URL, HOOKS_TOKEN, RECEIVER_HOST = "127.0.0.1" } = process.env;
assert.ok(HOOKS_URL && HOOKS_TOKEN, "HOOKS_URL and HOOKS_TOKEN say where the gateway is, and with which token");

const api = new Svix(HOOKS_TOKEN, { serverUrl: HOOKS_URL });
const two = typeof api.endpoint.upsert === "function"; // 2.x has other names
const types = two ? "eventTypes" : "filterTypes";

// The receiver answers what `answer` says.
const received = [];
let answer = 200;
const receiver = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  received.push({ headers: request.headers, body });
  response.writeHead(answer).end("thanks");
});
receiver.listen(0, RECEIVER_HOST);
await once(receiver, "listening");
const url = `http://${RECEIVER_HOST}:${receiver.address().port}/hook`;

// until waits for something to be so.
async function until(what, so) {
  for (let end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    const value = await so();
    if (value) return value;
  }
  assert.fail(`not within 30 s: ${what}`);
}

// refused makes a call that has to get a status, and returns the body.
async function refused(status, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof ApiException, `no answer of the API: ${error}`);
    assert.equal(error.code, status, JSON.stringify(error.body));
    return error.body;
  }
  assert.fail(`not refused, want ${status}`);
}

// all pages through a list, forwards, and then back.
async function all(list) {
  const pages = [];
  for (let iterator; ; ) {
    const page = await list({ limit: 2, iterator });
    pages.push(page);
    if (page.done) break;
    iterator = page.iterator;
  }
  if (pages.length > 1) {
    const back = await list({ limit: 2, iterator: pages[1].prevIterator });
    assert.deepEqual(back.data, pages[0].data);
  }
  return pages.flatMap((page) => page.data);
}

const uid = `customer-${process.pid}-${Date.now()}`;
const type = `invoice.paid.${process.pid}.${Date.now()}`;
try {
  await api.health.get();

  // Applications
  const app = await api.application.getOrCreate({ name: "Acme", uid, metadata: { plan: "pro" } });
  assert.equal((await api.application.getOrCreate({ name: "Other", uid })).id, app.id);
  assert.equal((await api.application.get(uid)).metadata.plan, "pro");
  assert.ok(app.createdAt instanceof Date && !Number.isNaN(app.createdAt.valueOf()));
  await (two ? api.application.upsert(app.id, { name: "New", uid }) : api.application.update(app.id, { name: "New", uid }));
  assert.equal((await api.application.patch(app.id, { name: "Acme" })).name, "Acme");
  assert.ok((await all((o) => api.application.list(o))).some((a) => a.id === app.id));
  await refused(409, () => api.application.create({ name: "Acme", uid }));
  assert.equal((await refused(404, () => api.application.get("none"))).code, "not_found");
  assert.ok(Array.isArray((await refused(422, () => api.application.create({ name: "" }))).detail));

  // Event types
  await api.eventType.create({ name: type, description: "An invoice was paid", schemas: { 1: { type: "object", examples: [{ a: 1 }] } } });
  assert.ok((await api.eventType.get(type)).schemas);
  assert.ok((await all((o) => api.eventType.list(o))).some((t) => t.name === type));

  // Endpoints
  const ep = await api.endpoint.create(app.id, { url, uid: "main", [types]: [type], channels: ["c"], headers: { "X-Create": "1" } });
  assert.deepEqual(ep[types], [type]);
  await (two ? api.endpoint.upsert(app.id, ep.id, { url, uid: "main" }) : api.endpoint.update(app.id, ep.id, { url, uid: "main" }));
  assert.equal((await api.endpoint.patch(app.id, "main", { description: "x" })).description, "x");
  assert.equal((await all((o) => api.endpoint.list(app.id, o))).length, 1);
  const headers = { headers: { "X-A": "1", Authorization: "secret" } };
  await (two ? api.endpoint.setHeaders(app.id, ep.id, headers) : api.endpoint.updateHeaders(app.id, ep.id, headers));
  await api.endpoint.patchHeaders(app.id, ep.id, { headers: { "X-B": "2" }, deleteHeaders: ["X-A"] });
  assert.deepEqual(await api.endpoint.getHeaders(app.id, ep.id), { headers: { "X-B": "2" }, sensitive: ["Authorization"] });
  const before = (await api.endpoint.getSecret(app.id, ep.id)).key;
  await api.endpoint.rotateSecret(app.id, ep.id, {});
  const { key } = await api.endpoint.getSecret(app.id, ep.id);
  assert.notEqual(key, before);
  await refused(422, () => api.endpoint.create(app.id, { url: "file:///etc/passwd" }));

  // Messages
  const since = new Date(Date.now() - 60_000);
  const once = { idempotencyKey: `invoice-${uid}` };
  const event = { eventType: type, eventId: `inv-${uid}`, payload: { invoice: "in_1", text: "é<>&" }, channels: ["c"], tags: ["t"] };
  const msg = await api.message.create(app.id, event, once);
  assert.equal((await api.message.create(app.id, event, once)).id, msg.id);
  await refused(409, () => api.message.create(app.id, event));
  assert.deepEqual((await api.message.get(app.id, msg.id, { withContent: true })).payload, event.payload);
  await until("the webhook", () => received.length === 1);
  for (const secret of [key, before]) {
    new Webhook(secret).verify(received[0].body, received[0].headers);
  }
  assert.throws(() => new Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(received[0].body, received[0].headers));
  assert.deepEqual(JSON.parse(received[0].body), event.payload);
  assert.equal(received[0].headers["svix-id"], msg.id);
  assert.equal(received[0].headers["x-b"], "2");
  await until("the attempt", async () => (await api.messageAttempt.listByMsg(app.id, msg.id)).data.length === 1);
  assert.equal((await api.message.get(app.id, event.eventId)).id, msg.id);
  const filter = { eventTypes: [type, "other"], channel: "c", tag: "t", after: since };
  assert.equal((await api.message.list(app.id, filter)).data.length, 1);
  assert.equal((await api.message.list(app.id, { before: since })).data.length, 0);

  // Sending again
  await api.messageAttempt.resend(app.id, msg.id, ep.id);
  await until("the webhook again", () => received.length === 2);
  const task = await api.endpoint.recover(app.id, ep.id, { since });
  assert.equal(task.task, "endpoint.recover");
  await until("the task", async () => (await api.backgroundTask.get(task.id)).status === "finished");
  await api.endpoint.replayMissing(app.id, ep.id, { since });
  await api.endpoint.bulkReplay(app.id, ep.id, { since, eventTypes: [type] });
  await until("the webhook once more", () => received.length === 3);
  await api.endpoint.sendExample(app.id, ep.id, { eventType: type });
  await until("the example", () => received.length === 4);
  const attempts = await until("the attempts", async () => {
    const list = await all((o) => api.messageAttempt.listByMsg(app.id, msg.id, o));
    return list.length === 3 && list;
  });
  for (const attempt of attempts) {
    assert.equal(attempt.responseStatusCode, 200);
    assert.equal(attempt.statusText, "success");
    assert.equal((await api.messageAttempt.get(app.id, msg.id, attempt.id)).id, attempt.id);
  }
  assert.equal((await api.messageAttempt.listByEndpoint(app.id, ep.id, { status: 0, statusCodeClass: 200, withMsg: true })).data.length, 4);
  assert.equal((await api.messageAttempt.listAttemptedMessages(app.id, ep.id, { status: 0 })).data.length, 2);
  assert.equal((await api.messageAttempt.listAttemptedDestinations(app.id, msg.id)).data[0].id, ep.id);
  assert.equal((await api.endpoint.getStats(app.id, ep.id)).success, 4);
  await api.messageAttempt.expungeContent(app.id, msg.id, attempts[0].id);
  await api.message.expungeContent(app.id, msg.id);
  assert.deepEqual((await api.message.get(app.id, msg.id, { withContent: true })).payload, { expired: true });

  // Standard Webhooks, checked with their own library. The SDKs do not know the field.
  const patched = await fetch(`${HOOKS_URL}/api/v1/app/${app.id}/endpoint/${ep.id}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${HOOKS_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ scheme: "standard" }),
  });
  assert.equal(patched.status, 200, await patched.text());
  const plain = await api.message.create(app.id, { eventType: type, payload: { standard: true } });
  const { body, headers: signed } = await until("the webhook with other headers", () => received[4]);
  assert.equal(signed["webhook-id"], plain.id);
  assert.equal(signed["svix-id"], undefined);
  new StandardWebhook(key).verify(body, signed);
  assert.throws(() => new StandardWebhook(key).verify(body + " ", signed));

  // Failing
  answer = 500;
  const failing = await api.message.create(app.id, { eventType: type, payload: {} });
  const [failed] = await until("the failed attempt", async () => {
    const { data } = await api.messageAttempt.listByMsg(app.id, failing.id, { status: 2, statusCodeClass: 500 });
    return data.length > 0 && data;
  });
  assert.equal(failed.responseStatusCode, 500);

  // Access
  const access = await api.authentication.appPortalAccess(app.id, { capabilities: ["ViewBase"], sessionId: "s" });
  assert.match(access.url, /\/login#key=/);
  const own = new Svix(access.token, { serverUrl: HOOKS_URL });
  assert.equal((await own.application.get(uid)).id, app.id);
  await refused(403, () => own.endpoint.delete(app.id, ep.id));
  await refused(403, () => own.message.create(app.id, event));
  await own.authentication.logout();
  await refused(401, () => own.application.get(uid));
  await api.authentication.expireAll(app.id, {});
  await refused(401, () => new Svix("nonsense", { serverUrl: HOOKS_URL }).application.list());

  await api.endpoint.delete(app.id, ep.id);
  await api.eventType.delete(type, { expunge: true });
  await api.application.delete(app.id);
  await refused(404, () => api.application.get(app.id));
  console.log(`ok: ${received.length} webhooks, svix ${two ? "2.x" : "1.x"}`);
} finally {
  receiver.close();
}
