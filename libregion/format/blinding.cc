#include "libregion/format/blinding.h"

#include <algorithm>
#include <bit>

namespace libregion {
namespace {

constexpr std::size_t nonce_offset = 1 + 8 + 1;
constexpr std::size_t tag_offset = nonce_offset + 12;
constexpr std::size_t encryption_end = tag_offset + 16;
static_assert(encryption_end == 38);

class SipHash {
 public:
  explicit SipHash(const BlindingKey& key) {
    Decoder in(key);
    const std::uint64_t first = in.u64();
    const std::uint64_t second = in.u64();
    // "somepseudorandomlygeneratedbytes"; the last of them marks the longer output.
    state_ = {first ^ 0x736f6d6570736575, second ^ 0x646f72616e646f6d ^ 0xee,
              first ^ 0x6c7967656e657261, second ^ 0x7465646279746573};
  }

  void add(std::uint64_t word) {
    state_[3] ^= word;
    rounds(2);
    state_[0] ^= word;
  }

  std::array<std::byte, 16> finish() {
    std::array<std::byte, 16> hash{};
    Encoder out(hash);
    state_[2] ^= 0xee;
    rounds(4);
    out.u64(state_[0] ^ state_[1] ^ state_[2] ^ state_[3]);
    state_[1] ^= 0xdd;
    rounds(4);
    out.u64(state_[0] ^ state_[1] ^ state_[2] ^ state_[3]);
    return hash;
  }

 private:
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      state_[0] += state_[1];
      state_[1] = std::rotl(state_[1], 13) ^ state_[0];
      state_[0] = std::rotl(state_[0], 32);
      state_[2] += state_[3];
      state_[3] = std::rotl(state_[3], 16) ^ state_[2];
      state_[0] += state_[3];
      state_[3] = std::rotl(state_[3], 21) ^ state_[0];
      state_[2] += state_[1];
      state_[1] = std::rotl(state_[1], 17) ^ state_[2];
      state_[2] = std::rotl(state_[2], 32);
    }
  }

  std::array<std::uint64_t, 4> state_{};
};

// Nonces and tags are kept apart: the same bytes as one and as the other have nothing in common.
template <std::size_t size>
std::array<std::byte, size> blinded_value(const std::array<std::byte, size>& value, char kind,
                                          const BlindingKey& key) {
  Bytes message = {static_cast<std::byte>(kind)};
  message.insert(message.end(), value.begin(), value.end());
  const auto hash = keyed_hash(key, message);
  std::array<std::byte, size> blind{};
  std::copy_n(hash.begin(), size, blind.begin());
  return blind;
}

}  // namespace

std::array<std::byte, 16> keyed_hash(const BlindingKey& key, ByteView message) {
  SipHash hash(key);
  const std::size_t whole_bytes = message.size() / 8 * 8;
  Decoder in(message.first(whole_bytes));
  while (in.offset_bytes() < whole_bytes) hash.add(in.u64());
  // The rest, and in the last byte the length.
  std::array<std::byte, 8> last{};
  std::copy(message.begin() + static_cast<std::ptrdiff_t>(whole_bytes), message.end(),
            last.begin());
  last[7] = static_cast<std::byte>(message.size());
  hash.add(Decoder(last).u64());
  return hash.finish();
}

EncryptionContext blinded(const EncryptionContext& encryption, const BlindingKey& key) {
  return {blinded_value(encryption.nonce, 'n', key), blinded_value(encryption.tag, 't', key)};
}

void blind_slot(std::span<std::byte, context_slot_bytes> slot, const BlindingKey& key) {
  const SlotValue value = decode_context_slot(slot);
  const auto* context = std::get_if<BlockContext>(&value);
  const bool is_bad = std::holds_alternative<BadSlot>(value);
  if (is_bad || (context != nullptr && context->encryption)) {
    Decoder in(ByteView(slot).subspan(nonce_offset));
    EncryptionContext found;
    found.nonce = in.take_array<12>();
    found.tag = in.take_array<16>();
    const EncryptionContext blind = blinded(found, key);
    Encoder out(slot.subspan(nonce_offset, encryption_end - nonce_offset));
    out.put(blind.nonce);
    out.put(blind.tag);
    return;
  }
  const auto stray = find_stray_byte(slot);
  for (std::size_t i = stray.value_or(slot.size()); i < slot.size(); ++i) {
    if (slot[i] != std::byte{0}) slot[i] = std::byte{0xFF};
  }
}

}  // namespace libregion
