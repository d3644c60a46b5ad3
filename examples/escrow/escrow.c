/* An escrow between a buyer, who deploys and pays it, and a seller.
 *
 *   init     payable   blob seller, u64 deadline (ms since the Unix epoch)
 *   release                                 the buyer pays the seller, at any time
 *   refund                                  anybody sends the money back to the buyer, once the deadline has passed
 *   status   query  -> u8: 0 held, 1 released, 2 refunded; then u128 held
 *
 * The state is one value under one key, so every call pays for one read and one write. */
#include "../sshi.h"

typedef unsigned __int128 u128;

typedef struct { uint32_t len; uint8_t data[SSHI_ADDRESS_MAX]; } address;
typedef struct {
  uint8_t status;
  uint64_t deadline;
  u128 amount;
  address buyer, seller;
} state;

enum { HELD, RELEASED, REFUNDED };

static const struct { uint32_t len; uint8_t data[1]; } key = {1, {'e'}};
static const struct { uint32_t len; uint8_t data[8]; } released = {8, {'r', 'e', 'l', 'e', 'a', 's', 'e', 'd'}};
static const struct { uint32_t len; uint8_t data[8]; } refunded = {8, {'r', 'e', 'f', 'u', 'n', 'd', 'e', 'd'}};
static struct { uint32_t pad[3], len; state s; } cell __attribute__((aligned(16)));
static struct { uint32_t len; uint8_t data[4 + SSHI_ADDRESS_MAX + 8]; } args;

#define BLOB(x) ((const sshi_blob *)&(x))
#define BUFFER(x) ((sshi_buffer *)&(x))
#define REVERT(text) sshi_revert(text, sizeof(text) - 1)

/* The buffer's header stands right before the state, which is aligned. */
static void load(void) {
  cell.len = sizeof cell.s;
  sshi_storage_read(BLOB(key), BUFFER(cell.len));
}

static void save(void) { sshi_storage_write(BLOB(key), &cell.s, sizeof cell.s); }

static void pay(const address *to, uint8_t status, const void *topic) {
  u128 amount = cell.s.amount;
  if (sshi_transfer((const sshi_blob *)to, (const sshi_u128 *)&amount) != 0) REVERT("escrow: the chain refused the transfer");
  cell.s.status = status;
  cell.s.amount = 0;
  save();
  sshi_emit(topic, &amount, sizeof amount);
}

static void must_be_held(void) {
  load();
  if (cell.s.status != HELD) REVERT("escrow: already settled");
}

SSHI_ENTRY(init) {
  args.len = sizeof args.data;
  uint32_t got = sshi_input(BUFFER(args));
  uint32_t len = *(uint32_t *)args.data;
  if (got > sizeof args.data || len - 1 >= SSHI_ADDRESS_MAX || got != 4 + len + 8) REVERT("escrow: the input is blob seller, u64 deadline");
  sshi_value((sshi_u128 *)&cell.s.amount);
  if (cell.s.amount == 0) REVERT("escrow: pay what is to be held");
  cell.s.seller.len = len;
  __builtin_memcpy(cell.s.seller.data, args.data + 4, len);
  __builtin_memcpy(&cell.s.deadline, args.data + 4 + len, 8);
  cell.s.buyer.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(cell.s.buyer));
  save();
}

SSHI_ENTRY(release) {
  must_be_held();
  address who;
  who.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(who));
  if (who.len != cell.s.buyer.len || __builtin_memcmp(who.data, cell.s.buyer.data, who.len)) REVERT("escrow: only the buyer releases");
  pay(&cell.s.seller, RELEASED, &released);
}

SSHI_ENTRY(refund) {
  must_be_held();
  if (sshi_block_time() < cell.s.deadline) REVERT("escrow: the deadline has not passed");
  pay(&cell.s.buyer, REFUNDED, &refunded);
}

SSHI_ENTRY(status) {
  load();
  struct __attribute__((packed)) { uint8_t status; u128 held; } answer = {cell.s.status, cell.s.amount};
  sshi_set_return(&answer, sizeof answer);
}

/* What the compiler may call without a C library. */
int memcmp(const void *a, const void *b, unsigned long n) {
  const uint8_t *x = a, *y = b;
  for (; n && *x == *y; n--) x++, y++;
  return n ? *x - *y : 0;
}
