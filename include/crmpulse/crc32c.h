/* CRC32C (Castagnoli, RFC 3720 appendix B.4): the fingerprint of a Kafka record, kept beside its offset (design I5).
 *
 * Pure. The processor's own instruction is used if it has one; asking it is slow (a virtual machine traps), so the caller
 * asks once, with crc32c_choose, and keeps the answer. */
#ifndef CRMPULSE_CRC32C_H
#define CRMPULSE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` over `n` bytes; start with 0. crc32c_x(crc32c_x(0, a), b) is the CRC of a followed by b. */
typedef uint32_t (*crc32c_fn)(uint32_t crc, const void *bytes, size_t n);

/* Eight bytes a step by tables; works everywhere. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n);

/* The fastest of those that this processor can run. All give the same result. */
crc32c_fn crc32c_choose(void);

#endif
