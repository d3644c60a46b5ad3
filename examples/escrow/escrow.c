/* An escrow between a buyer, who deploys and pays it, and a seller.
 *
 *   init     payable   blob seller, u64 deadline (ms since the Unix epoch)
 *   release                                 the buyer pays the seller, at any time
 *   refund                                  anybody sends the money back to the buyer, once the deadline has passed
 *   status   query  -> u8: 0 held, 1 released, 2 refunded; then u128 held
 *
 * The state is one value under one key, so every call pays for one read and one write: a head of fixed size, then buyer and seller as
 * blobs. Addresses differ in length from chain to chain, and nothing is padded. */
#include "../sshi.h"

typedef unsigned __int128 u128;

enum { HELD, RELEASED, REFUNDED };

typedef struct __attribute__((packed)) {
  uint8_t status;
  u128 held;
  uint64_t deadline;
} head;

static struct __attribute__((packed)) {
  uint32_t len;
  head head;
  uint8_t parties[2 * (4 + SSHI_ADDRESS_MAX)];
} state;
static struct { uint32_t len; uint8_t data[4 + SSHI_ADDRESS_MAX + 8]; } args;
static struct { uint32_t len; uint8_t data[SSHI_ADDRESS_MAX]; } who;
static const struct { uint32_t len; uint8_t data[1]; } key = {1, {'e'}};
static const struct { uint32_t len; uint8_t data[8]; } released = {8, {'r', 'e', 'l', 'e', 'a', 's', 'e', 'd'}};
static const struct { uint32_t len; uint8_t data[8]; } refunded = {8, {'r', 'e', 'f', 'u', 'n', 'd', 'e', 'd'}};

#define BLOB(x) ((const sshi_blob *)&(x))
#define BUFFER(x) ((sshi_buffer *)&(x))
#define REVERT(text) sshi_revert(text, sizeof(text) - 1)

static uint32_t length(const uint8_t *blob) {
  uint32_t len;
  __builtin_memcpy(&len, blob, 4);
  return len;
}

static const uint8_t *buyer(void) { return state.parties; }
static const uint8_t *seller(void) { return buyer() + 4 + length(buyer()); }

static void load(void) {
  state.len = sizeof state - 4;
  sshi_storage_read(BLOB(key), BUFFER(state));
}

static void save(void) { sshi_storage_write(BLOB(key), &state.head, seller() + 4 + length(seller()) - (const uint8_t *)&state.head); }

static void must_be_held(void) {
  load();
  if (state.head.status != HELD) REVERT("escrow: already settled");
}

static void pay(const uint8_t *to, uint8_t status, const void *topic) {
  u128 amount = state.head.held;
  if (sshi_transfer((const sshi_blob *)to, (const sshi_u128 *)&amount) != 0) REVERT("escrow: the chain refused the transfer");
  state.head.status = status;
  state.head.held = 0;
  save();
  sshi_emit(topic, &amount, sizeof amount);
}

SSHI_ENTRY(init) {
  args.len = sizeof args.data;
  uint32_t got = sshi_input(BUFFER(args)), len = length(args.data);
  if (got > sizeof args.data || len - 1 >= SSHI_ADDRESS_MAX || got != 4 + len + 8) REVERT("escrow: the input is blob seller, u64 deadline");
  u128 paid;
  sshi_value((sshi_u128 *)&paid);
  if (paid == 0) REVERT("escrow: pay what is to be held");
  state.head.held = paid;
  who.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(who));
  __builtin_memcpy(state.parties, &who, 4 + who.len);
  __builtin_memcpy(state.parties + 4 + who.len, args.data, 4 + len);
  __builtin_memcpy(&state.head.deadline, args.data + 4 + len, 8);
  save();
}

SSHI_ENTRY(release) {
  must_be_held();
  who.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(who));
  if (__builtin_memcmp(&who, buyer(), 4 + length(buyer()))) REVERT("escrow: only the buyer releases");
  pay(seller(), RELEASED, &released);
}

SSHI_ENTRY(refund) {
  must_be_held();
  if (sshi_block_time() < state.head.deadline) REVERT("escrow: the deadline has not passed");
  pay(buyer(), REFUNDED, &refunded);
}

SSHI_ENTRY(status) {
  load();
  sshi_set_return(&state.head, sizeof state.head.status + sizeof state.head.held);
}

/* What the compiler may call without a C library. */
int memcmp(const void *a, const void *b, unsigned long n) {
  const uint8_t *x = a, *y = b;
  for (; n && *x == *y; n--) x++, y++;
  return n ? *x - *y : 0;
}
