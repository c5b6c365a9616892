// A piece of page-aligned memory that only grows: arenas, scratch blocks and the packed weights of a plan.
#pragma once
#include <stdint.h>
#include <stdlib.h>

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
    constexpr size_t alignment = 4096;  // a multiple of the promised 64; whole pages keep arenas of threads apart
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size_t(wanted)) != 0) return false;
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
  char* bytes_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace whorl
