/* A registry of names: whoever registers a name first owns it and alone may change or drop it.
 *
 *   set      blob name, blob value         register, or change one's own
 *   drop     blob name
 *   get      blob name  -> the value       query; reverts when there is none
 *   owner    blob name  -> the address     query; empty when there is none
 *
 * Names are 1 to 127 bytes, values up to 4,096.  A value lives under `name || 'v'`, its owner under `name || 'o'`. */
#include "../sshi.h"

enum { NAME_MAX = SSHI_KEY_MAX - 1, VALUE_MAX = 4096 };

static struct { uint32_t len; uint8_t data[4 + NAME_MAX + 4 + VALUE_MAX]; } args;
static struct { uint32_t len; uint8_t data[SSHI_KEY_MAX]; } key;
static struct { uint32_t len; uint8_t data[VALUE_MAX]; } value;
static struct { uint32_t len; uint8_t data[SSHI_ADDRESS_MAX]; } owner, who;
static const struct { uint32_t len; uint8_t data[3]; } set_topic = {3, {'s', 'e', 't'}};
static const struct { uint32_t len; uint8_t data[4]; } drop_topic = {4, {'d', 'r', 'o', 'p'}};

#define BLOB(x) ((const sshi_blob *)&(x))
#define BUFFER(x) ((sshi_buffer *)&(x))
#define REVERT(text) sshi_revert(text, sizeof(text) - 1)

/* Reads the input and makes `key` of the name at its head, the suffix still missing; the offset of what follows the name. */
static uint32_t read_name(void) {
  args.len = sizeof args.data;
  if ((uint32_t)sshi_input(BUFFER(args)) > sizeof args.data) REVERT("registry: the input is too long");
  uint32_t len = *(uint32_t *)args.data;
  if (args.len < 4 || len - 1 >= NAME_MAX || len > args.len - 4) REVERT("registry: a name is a blob of 1 to 127 bytes");
  __builtin_memcpy(key.data, args.data + 4, len);
  key.len = len + 1;
  return 4 + len;
}

static const sshi_blob *key_of(char suffix) {
  key.data[key.len - 1] = suffix;
  return BLOB(key);
}

/* 1 when the caller owns the name, 0 when nobody does; reverts when somebody else does. */
static int owned(void) {
  who.len = owner.len = SSHI_ADDRESS_MAX;
  sshi_caller(BUFFER(who));
  if (sshi_storage_read(key_of('o'), BUFFER(owner)) < 0) return 0;
  if (who.len != owner.len || __builtin_memcmp(who.data, owner.data, who.len)) REVERT("registry: the name is another's");
  return 1;
}

static void must_end_at(uint32_t offset) {
  if (offset != args.len) REVERT("registry: the input goes on after its end");
}

SSHI_ENTRY(set) {
  uint32_t at = read_name(), len;
  if (args.len - at < 4) REVERT("registry: a value is a blob of up to 4096 bytes");
  __builtin_memcpy(&len, args.data + at, 4);
  if (len > VALUE_MAX || len > args.len - at - 4) REVERT("registry: a value is a blob of up to 4096 bytes");
  must_end_at(at + 4 + len);
  if (!owned()) sshi_storage_write(key_of('o'), who.data, who.len);
  sshi_storage_write(key_of('v'), args.data + at + 4, len);
  sshi_emit(BLOB(set_topic), args.data + 4, at - 4);
}

SSHI_ENTRY(drop) {
  must_end_at(read_name());
  if (!owned()) REVERT("registry: no such name");
  sshi_storage_remove(key_of('o'));
  sshi_storage_remove(key_of('v'));
  sshi_emit(BLOB(drop_topic), key.data, key.len - 1);
}

SSHI_ENTRY(get) {
  must_end_at(read_name());
  value.len = VALUE_MAX;
  if (sshi_storage_read(key_of('v'), BUFFER(value)) < 0) REVERT("registry: no such name");
  sshi_set_return(value.data, value.len);
}

SSHI_ENTRY(owner) {
  must_end_at(read_name());
  owner.len = SSHI_ADDRESS_MAX;
  if (sshi_storage_read(key_of('o'), BUFFER(owner)) >= 0) sshi_set_return(owner.data, owner.len);
}

/* What the compiler may call without a C library. */
int memcmp(const void *a, const void *b, unsigned long n) {
  const uint8_t *x = a, *y = b;
  for (; n && *x == *y; n--) x++, y++;
  return n ? *x - *y : 0;
}
