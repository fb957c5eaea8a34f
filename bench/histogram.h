// Counts of durations, exact to 1 %, in constant memory. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace elves::bench {

class Histogram {
 public:
  void add(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
    ++counts_[slot_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    most_ = std::max(most_, value);
  }

  std::uint64_t count() const { return count_; }
  double mean_us() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_) / 1000; }
  double max_us() const { return static_cast<double>(most_) / 1000; }

  // The duration, in microseconds, that this share (0..1) of all does not exceed; 0 when there is none.
  double quantile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
      seen += counts_[slot];
      if (counts_[slot] != 0 && seen >= wanted) return middle_of(slot) / 1000;
    }
    return 0;
  }

 private:
  static constexpr int kBits = 6;  // 64 slots for each power of two
  static constexpr std::uint64_t kSlots = 1 << kBits;

  static std::size_t slot_of(std::uint64_t value) {
    if (value < kSlots) return value;
    const int shift = std::bit_width(value) - kBits - 1;
    return static_cast<std::size_t>(shift + 1) * kSlots + ((value >> shift) - kSlots);
  }
  static double middle_of(std::size_t slot) {
    if (slot < kSlots) return static_cast<double>(slot);
    const auto shift = slot / kSlots - 1;
    const auto low = static_cast<double>((slot % kSlots + kSlots) << shift);
    return low + static_cast<double>(std::uint64_t{1} << shift) / 2;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kSlots> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t most_ = 0;
  double sum_ = 0;
};

}  // namespace elves::bench
