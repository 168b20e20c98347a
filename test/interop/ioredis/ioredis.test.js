// Drives the node at DUNLIN_ADDR (host:port) with ioredis and its defaults.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import Redis from "ioredis";

const [host, port] = (process.env.DUNLIN_ADDR ?? "127.0.0.1:6390").split(":");
const redis = new Redis({ host, port: Number(port) });
after(() => redis.disconnect());

test("a point is written and read", async () => {
  const ts = Math.floor(Date.now() / 1000);
  const key = `${new Date(ts * 1000).toISOString().slice(0, 10)}:ioredis-${process.pid}:cpu`;
  assert.equal(await redis.zadd(key, ts, `${ts}:0.50`), 1);
  assert.deepEqual(await redis.zrange(key, 0, -1, "WITHSCORES"), [`${ts}:0.50`, String(ts)]);
});

test("plain keys, pipelines and transactions", async () => {
  assert.equal(await redis.set("interop:i", "1"), "OK");
  assert.equal(await redis.get("interop:i"), "1");
  assert.equal(await redis.get("interop:missing"), null);
  const piped = await redis.pipeline().incr("interop:i").incr("interop:i").exec();
  assert.deepEqual(piped, [[null, 2], [null, 3]]);
  const multi = await redis.multi().set("interop:i", "7").get("interop:i").exec();
  assert.deepEqual(multi, [[null, "OK"], [null, "7"]]);
});

test("errors are errors, and the connection lives on", async () => {
  await assert.rejects(redis.call("NOSUCH", "a"), /unknown command 'NOSUCH'/);
  assert.equal(await redis.ping(), "PONG");
  assert.match(await redis.info(), /loading:0/);
});
