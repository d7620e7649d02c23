#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace synfire {

// Something to run once, given to an executor. Move-only, so that a task can own what it uses;
// small ones are stored in place, so that a hand-off allocates nothing. Destroyed unrun when its
// executor refuses or drops it.
class Task {
 public:
  Task() = default;

  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Task> && std::is_invocable_v<F&>)
      Task(F&& function) {
    using Function = std::decay_t<F>;
    if constexpr (fits_in_place<Function>) {
      ::new (static_cast<void*>(storage_)) Function(std::forward<F>(function));
      table_ = &kInPlace<Function>;
    } else {
      auto owner = [held = new Function(std::forward<F>(function))] { return held; };
      using Owner = decltype(owner);
      ::new (static_cast<void*>(storage_)) Owner(owner);
      table_ = &kOnHeap<Function, Owner>;
    }
  }

  Task(Task&& other) noexcept { take(other); }
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Task() { reset(); }

  explicit operator bool() const { return table_ != nullptr; }
  void operator()() { table_->run(storage_); }

  void reset() {
    if (const Table* table = std::exchange(table_, nullptr)) table->destroy(storage_);
  }

 private:
  static constexpr std::size_t kInPlaceBytes = 4 * sizeof(void*);

  struct Table {
    void (*run)(void* self);
    void (*move)(void* from, void* to) noexcept;  // `from` is destroyed
    void (*destroy)(void* self) noexcept;
  };

  template <typename F>
  static constexpr bool fits_in_place =
      sizeof(F) <= kInPlaceBytes &&
      alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

  template <typename F>
  static constexpr Table kInPlace = {
      [](void* self) { (*static_cast<F*>(self))(); },
      [](void* from, void* to) noexcept {
        ::new (to) F(std::move(*static_cast<F*>(from)));
        static_cast<F*>(from)->~F();
      },
      [](void* self) noexcept { static_cast<F*>(self)->~F(); },
  };

  template <typename F, typename Owner>
  static constexpr Table kOnHeap = {
      [](void* self) { (*(*static_cast<Owner*>(self))())(); },
      [](void* from, void* to) noexcept { ::new (to) Owner(*static_cast<Owner*>(from)); },
      [](void* self) noexcept { delete (*static_cast<Owner*>(self))(); },
  };

  void take(Task& other) noexcept {
    table_ = std::exchange(other.table_, nullptr);
    if (table_ != nullptr) table_->move(other.storage_, storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInPlaceBytes];
  const Table* table_ = nullptr;
};

}  // namespace synfire
