/* A fungible token.
 *
 *   init          u128 supply                          the deployer owns it all
 *   transfer      blob to, u128 amount                 from the caller
 *   balance_of    blob owner            -> u128
 *   total_supply                        -> u128
 *
 * Event `transfer`: u8 length and address of the sender, the same of the recipient, then the amount without its zero bytes at the
 * end: on NEAR a byte of event costs as much as five hundred instructions.
 * An account's balance lives under the key `address || 'b'`: the suffix is appended in place, so no address is ever copied. */
#include "../sshi.h"

typedef unsigned __int128 u128;

enum { SUFFIX = 1, AMOUNT = 16 };

static struct { uint32_t len; uint8_t data[4 + SSHI_ADDRESS_MAX + AMOUNT]; } args;
static struct { uint32_t len; uint8_t data[SSHI_ADDRESS_MAX + SUFFIX]; } from;
static struct { uint32_t len; uint8_t data[AMOUNT]; } cell;
static uint8_t event[2 * (1 + SSHI_ADDRESS_MAX) + AMOUNT];
static const struct { uint32_t len; uint8_t data[1]; } supply_key = {1, {'s'}};
static const struct { uint32_t len; uint8_t data[8]; } transfer_topic = {8, {'t', 'r', 'a', 'n', 's', 'f', 'e', 'r'}};

#define BLOB(x) ((const sshi_blob *)&(x))
#define BUFFER(x) ((sshi_buffer *)&(x))
#define REVERT(text) sshi_revert(text, sizeof(text) - 1)

static u128 load(const void *at) {
  u128 value;
  __builtin_memcpy(&value, at, AMOUNT);
  return value;
}

static void read_input(uint32_t expected) {
  args.len = sizeof args.data;
  if ((uint32_t)sshi_input(BUFFER(args)) > sizeof args.data || args.len < expected) REVERT("token: malformed input");
}

/* The blob at the head of the input, with `rest` bytes after it. */
static uint8_t *read_address(uint32_t rest) {
  read_input(4 + rest);
  uint32_t len = *(uint32_t *)args.data;
  if (len - 1 >= SSHI_ADDRESS_MAX || args.len != 4 + len + rest) REVERT("token: malformed input");
  return args.data;
}

static void as_key(void *address) {
  uint32_t *len = address;
  ((uint8_t *)(len + 1))[(*len)++] = 'b';
}

static u128 stored(const void *key) {
  cell.len = AMOUNT;
  return sshi_storage_read(key, BUFFER(cell)) == AMOUNT ? load(cell.data) : 0;
}

static void store(const void *key, u128 value) { sshi_storage_write(key, &value, AMOUNT); }

SSHI_ENTRY(init) {
  read_input(AMOUNT);
  u128 supply = load(args.data);
  from.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(from));
  as_key(&from);
  store(&from, supply);
  store(&supply_key, supply);
}

SSHI_ENTRY(transfer) {
  uint8_t *to = read_address(AMOUNT);
  uint32_t to_len = *(uint32_t *)to;
  u128 amount = load(to + 4 + to_len);

  from.len = SSHI_ADDRESS_MAX;
  uint32_t from_len = sshi_caller(BUFFER(from));
  uint8_t *end = event;
  *end++ = from_len;
  __builtin_memcpy(end, from.data, from_len);
  end += from_len;
  *end++ = to_len;
  __builtin_memcpy(end, to + 4, to_len + AMOUNT);
  end += to_len + AMOUNT;
  while (end[-1] == 0 && end > event + 2 + from_len + to_len) end--;

  as_key(&from);
  u128 balance = stored(&from);
  if (balance < amount) REVERT("token: balance too low");
  store(&from, balance - amount);
  as_key(to);
  store(to, stored(to) + amount);
  sshi_emit(BLOB(transfer_topic), event, end - event);
}

SSHI_ENTRY(balance_of) {
  uint8_t *owner = read_address(0);
  as_key(owner);
  u128 balance = stored(owner);
  sshi_set_return(&balance, AMOUNT);
}

SSHI_ENTRY(total_supply) {
  u128 supply = stored(&supply_key);
  sshi_set_return(&supply, AMOUNT);
}
