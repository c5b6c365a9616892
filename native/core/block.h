// A piece of page-aligned memory that only grows: arenas, scratch blocks and the packed weights of a plan.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <utility>

namespace whorl {

class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Block& operator=(Block&&) = delete;
  ~Block() { release(); }

  char* bytes() const { return bytes_; }
  int64_t size() const { return size_; }

  /** Makes the block at least so large; its contents are lost when it grows. False: no memory. */
  bool grow(int64_t wanted) {
    if (size_ >= wanted) return true;
    release();
    // A multiple of the promised 64; whole pages keep arenas of threads apart, and huge ones save address translations.
    const size_t alignment = wanted < hugePage ? 4096 : hugePage;
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size_t(wanted)) != 0) return false;
#if defined(__linux__)
    if (wanted >= hugePage) madvise(memory, size_t(wanted), MADV_HUGEPAGE);
#endif
    bytes_ = static_cast<char*>(memory);
    size_ = wanted;
    return true;
  }

  void release() {
    free(bytes_);
    bytes_ = nullptr;
    size_ = 0;
  }

 private:
  static constexpr int64_t hugePage = 2 << 20;
  char* bytes_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace whorl
