#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace synfire::cpu {

template <typename Signature>
class FunctionRef;

// A callable that somebody else keeps alive: two pointers, no allocation.
template <typename Return, typename... Args>
class FunctionRef<Return(Args...)> {
 public:
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& callable)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> Return {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  Return operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  Return (*call_)(void*, Args...);
};

}  // namespace synfire::cpu
