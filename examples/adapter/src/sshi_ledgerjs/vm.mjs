// ledgerjs: a chain in one file, speaking the sshi VM protocol (group "world"): JSON lines on stdin and stdout.
import { createHash } from "node:crypto";
import { readSync, writeSync } from "node:fs";

const b64 = (bytes) => Buffer.from(bytes).toString("base64");
const raw = (text) => Buffer.from(text ?? "", "base64");
const LIMIT = 16384;
let world = null;

class Stop extends Error { constructor(outcome) { super(outcome.kind); this.outcome = outcome; } }
const trap = (kind) => { throw new Stop({ kind: "trapped", trap: kind }); };
const reject = (reason, detail = "") => { throw new Stop({ kind: "rejected", reason, detail }); };

function bindings(frame) {
  const bytes = (ptr, len) => {
    ptr >>>= 0; len >>>= 0;
    if (ptr + len > frame.exports.memory_bytes.value) trap("memory");
    return Buffer.from(frame.exports.memory.buffer, ptr, len);
  };
  const u32 = (ptr) => bytes(ptr, 4).readUInt32LE();
  const blob = (ptr) => Buffer.from(bytes((ptr >>> 0) + 4, u32(ptr)));
  const key = (ptr) => { const k = blob(ptr); if (k.length < 1 || k.length > 128) trap("limit"); return b64(k); };
  const fill = (ptr, data) => {
    const room = u32(ptr);
    if (data.length <= room) { bytes((ptr >>> 0) + 4, data.length).set(data); bytes(ptr, 4).writeUInt32LE(data.length); }
    return data.length;
  };
  const u128 = (ptr) => { const b = bytes(ptr, 16); return b.readBigUInt64LE() | (b.readBigUInt64LE(8) << 64n); };
  const put128 = (ptr, n) => { const b = bytes(ptr, 16); b.writeBigUInt64LE(n & 0xffffffffffffffffn); b.writeBigUInt64LE(n >> 64n, 8); };
  const write = () => { if (frame.query) trap("query"); };
  const me = frame.contract, store = () => world.contracts[me].storage;
  return {
    storage_read: (k, out) => { u32(out); const v = store()[key(k)]; return v === undefined ? -1 : fill(out, raw(v)); },
    storage_write: (k, p, n) => { write(); const name = key(k), v = bytes(p, n); if (v.length > LIMIT) trap("limit"); store()[name] = b64(v); },
    storage_remove: (k) => { write(); const name = key(k), had = name in store(); delete store()[name]; return Number(had); },
    storage_has: (k) => Number(key(k) in store()),
    transfer: (to, amount) => {
      write(); const whom = blob(to), n = u128(amount);
      if (whom.length < 1 || whom.length > 64) return 2;
      if (n === 0n) return 0;
      if (n > world.balances[me]) return 1;
      if (!(b64(whom) in world.balances)) return 2;
      move(me, b64(whom), n);
      if (b64(whom) !== me) frame.transfers.push({ to: b64(whom), amount: String(n) });
      return 0;
    },
    balance: (out) => put128(out, world.balances[me]),
    value: (out) => { write(); put128(out, frame.value); },
    caller: (out) => { write(); return fill(out, raw(frame.caller)); },
    self_address: (out) => fill(out, raw(me)),
    input: (out) => fill(out, frame.input),
    set_return: (p, n) => { const data = Buffer.from(bytes(p, n)); if (n >>> 0 > LIMIT) trap("limit"); frame.data = data; },
    revert: (p, n) => {
      const text = Buffer.from(bytes(p, n)); if (text.length > 1024) trap("limit");
      let message = null; try { message = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text); } catch {}
      throw new Stop({ kind: "reverted", message });
    },
    emit: (t, p, n) => {
      write(); const topic = blob(t), data = Buffer.from(bytes(p, n));
      if (!/^[A-Za-z0-9_.-]{1,32}$/.test(topic.toString("latin1"))) trap("argument");
      frame.events.push({ topic: b64(topic), data: b64(data) }); frame.size += data.length;
      if (frame.events.length > 32 || frame.size > 8192) trap("limit");
    },
    block_height: () => BigInt(world.height), block_time: () => BigInt(world.time),
    sha256: (p, n, out) => { bytes(out, 32); bytes(out, 32).set(createHash("sha256").update(bytes(p, n)).digest()); },
    keccak256: () => reject("malformed-module", "ledgerjs has no keccak256"),
    secp256k1_recover: () => reject("malformed-module", "ledgerjs has no secp256k1"),
    debug_log: () => {}, gas_consume: () => {},
  };
}

function move(from, to, amount) { world.balances[from] -= amount; world.balances[to] += amount; }

const KINDS = [[/unreachable/, "unreachable"], [/out of bounds.*table|table index|null function|signature/, "indirect-call"],
  [/memory access out of bounds|out of bounds/, "memory"], [/divide by zero|remainder by zero/, "division"], [/unrepresentable|overflow/, "overflow"]];

function outcome(error) {
  if (error instanceof Stop) return error.outcome;
  if (error instanceof RangeError && /call stack/.test(error.message)) return { kind: "exhausted", what: "stack" };
  const found = KINDS.find(([pattern]) => pattern.test(error.message));
  return { kind: "trapped", trap: found ? found[1] : "unknown", detail: error.message };
}

function execute(frame, find) {
  const before = structuredClone(world), result = { cost: {}, storage: [], events: [], transfers: [], balances: [] };
  try {
    if ((world.balances[frame.caller] ?? 0n) < frame.value) reject("insufficient-funds");
    const instance = new WebAssembly.Instance(new WebAssembly.Module(frame.code), { ledger: bindings(frame) });
    frame.exports = instance.exports;
    const name = find(Object.keys(instance.exports).filter((entry) => entry.includes(":")));
    const [flags] = name?.split(":") ?? ["call"];
    frame.query = flags.startsWith("query");
    move(frame.caller, frame.contract, frame.value);
    if (frame.value > 0n && !flags.endsWith("$")) throw new Stop({ kind: "reverted", message: "sshi: not payable" });
    if (flags.startsWith("init") && world.contracts[frame.contract].ready) throw new Stop({ kind: "reverted", message: "sshi: already initialised" });
    if (name) instance.exports[name]();
    world.contracts[frame.contract].ready = true;
    result.outcome = { kind: "returned", data: b64(frame.data) };
    const old = before.contracts[frame.contract]?.storage ?? {}, now = world.contracts[frame.contract].storage;
    const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((k) => old[k] !== now[k]).sort((a, b) => Buffer.compare(raw(a), raw(b)));
    result.storage = keys.map((k) => [k, now[k] ?? null]);
    result.events = frame.events; result.transfers = frame.transfers;
    const moved = Object.entries(world.balances).map(([a, n]) => [a, String(n - (before.balances[a] ?? 0n))]).filter(([, n]) => n !== "0");
    result.balances = moved.sort(([a], [b]) => Buffer.compare(raw(a), raw(b)));
    if (frame.dry) world = before;
  } catch (error) { world = before; result.outcome = outcome(error); }
  return result;
}

const frame = (r, contract, code) => ({ contract, code, caller: r.caller, value: BigInt(r.value ?? 0), input: raw(r.input), data: Buffer.alloc(0), events: [], transfers: [], size: 0, dry: r.dry });
const snapshots = [];
const operations = {
  hello: () => ({ protocol: 1, name: "ledgerjs-vm", version: "0.1.0", chain: "ledgerjs", speaks: ["world"], profiles: ["ledgerjs"] }),
  reset: (r) => { snapshots.length = 0; world = { balances: {}, contracts: {}, height: r.height ?? "1", time: r.time_ms ?? "0" }; return {}; },
  account: (r) => { world.balances[r.address] = BigInt(r.balance); return {}; },
  balance: (r) => ({ balance: r.address in world.balances ? String(world.balances[r.address]) : null }),
  storage: (r) => ({ storage: Object.entries(world.contracts[r.contract].storage).sort(([a], [b]) => Buffer.compare(raw(a), raw(b))) }),
  block: (r) => { world.height = r.height; world.time = r.time_ms; return {}; },
  snapshot: () => ({ snapshot: snapshots.push(structuredClone(world)) - 1 }),
  restore: (r) => { world = structuredClone(snapshots[r.snapshot]); return {}; },
  deploy: (r) => {
    const address = b64(Buffer.concat([Buffer.from("ledger:"), raw(r.salt)]));
    if (address in world.contracts) return { outcome: { kind: "rejected", reason: "contract-exists" }, cost: {} };
    const kept = structuredClone(world);
    world.balances[address] ??= 0n;
    world.contracts[address] = { code: raw(r.code), storage: {}, ready: false };
    const result = execute(frame(r, address, raw(r.code)), (names) => names.find((n) => n.startsWith("init") && n.endsWith(`:${r.entry}`)));
    if (result.outcome.kind === "returned") result.address = address; else world = kept;
    return result;
  },
  call: (r) => {
    const contract = world.contracts[r.contract];
    if (!contract) return { outcome: { kind: "rejected", reason: "unknown-contract" }, cost: {} };
    if (r.dry) world.balances[r.caller] ??= 0n;
    return execute(frame(r, r.contract, contract.code), (names) => names.find((n) => n.endsWith(`:${r.entry}`)) ?? reject("unknown-entry"));
  },
};

function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line); id = request.id;
    const operation = operations[request.op];
    if (!operation) return { id, error: { code: "unknown-op", message: `no operation ${request.op}` } };
    return { id, ok: operation(request) };
  } catch (error) { return { id, error: { code: "malformed", message: String(error.message) } }; }
}

const chunk = Buffer.alloc(1 << 16);
for (let pending = ""; ;) {
  const n = readSync(0, chunk);
  if (!n) break;
  pending += chunk.toString("latin1", 0, n);
  for (let end; (end = pending.indexOf("\n")) >= 0; pending = pending.slice(end + 1)) {
    writeSync(1, `${JSON.stringify(answer(pending.slice(0, end)))}\n`);
  }
}
