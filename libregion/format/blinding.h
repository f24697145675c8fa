// Blinding: what stands in for the nonces and tags of a region that is shown to others. Each is
// replaced by a keyed hash of it (SipHash-2-4 with 128 bits of output), so that with one key the
// same nonce or tag is replaced by the same bytes, and repeats still show. Without the key, which
// nobody keeps, nothing leads back.

#pragma once

#include <array>
#include <cstddef>

#include "libregion/format/bytes.h"
#include "libregion/format/context_slot.h"

namespace libregion {

using BlindingKey = std::array<std::byte, 16>;

// SipHash-2-4, 128 bits.
std::array<std::byte, 16> keyed_hash(const BlindingKey& key, ByteView message);

EncryptionContext blinded(const EncryptionContext& encryption, const BlindingKey& key);

// Blinds a slot in place, whatever its bytes are:
//   present, encrypted   nonce and tag
//   bad                  the bytes where an encrypted slot has nonce and tag
//   else                 each byte behind the encoded value that is not zero becomes FF
// State, hashes and flush id stay; so does the place of the first stray byte.
void blind_slot(std::span<std::byte, context_slot_bytes> slot, const BlindingKey& key);

}  // namespace libregion
