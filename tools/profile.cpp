#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/engine/profile_recorder.hpp"
#include "core/model/arch/families.hpp"
#include "core/tensor/host_region.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/output.hpp"
#include "tools/profile_report.hpp"
#include "tools/profile_text.hpp"
#include "tools/profile_windows.hpp"
#include "tools/progress.hpp"
#include "tools/stop_signals.hpp"

namespace synfire::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// A checkpoint may cost this share of the time since the last one, so that those of large models
// come less often.
constexpr double kCheckpointCost = 0.02;

std::filesystem::path out_path(const OptionValues& values) {
  if (values.is_set("out")) return values.get<std::string>("out");
  return profile_sidecar(values.get<std::string>("model"));
}

// Better an error now than the system's killer later.
Status check_memory(const ProfileInfo& info) {
  constexpr std::uint64_t kMiB = 1U << 20;
  const std::uint64_t needed = ProfileRecorder::bytes(info), available = available_host_memory();
  if (available == 0 || needed <= available) return {};
  return error(StatusCode::resource_exhausted,
               "profile: {} MiB needed to record {} layers, {} MiB of host memory available",
               needed / kMiB, info.n_layers, available / kMiB);
}

Status check_texts(const ProfileFile& begun, const ProfileText& texts) {
  const std::vector<ProfileInfo::Text>& before = begun.info().texts;
  bool same = before.size() == texts.texts().size();
  for (std::size_t i = 0; same && i < before.size(); ++i)
    same = before[i].bytes == texts.texts()[i].bytes &&
           before[i].checksum == texts.texts()[i].checksum;
  if (same) return {};
  std::string names;
  for (const ProfileInfo::Text& text : before)
    names += fmt::format("{}{} bytes of {}", names.empty() ? "" : ", ", text.bytes, text.name);
  return error(StatusCode::failed_precondition,
               "{}: begun with other texts: want {} as they were, or no --resume", begun.path(),
               names);
}

// Where a run begins: anew, or where an earlier one was stopped.
Result<ProfileRecorder> begin(const Engine& engine, ProfileInfo info, const ProfileText& texts,
                              const GgufFile& model, const Program& program,
                              const OptionValues& values) {
  std::error_code ignored;
  if (!values.get<bool>("resume") || !std::filesystem::exists(out_path(values), ignored)) {
    SYNFIRE_ASSIGN_OR_RETURN(info.window_tokens, choose_window_tokens(engine, texts));
    info.texts = texts.texts();
    return ProfileRecorder(std::move(info));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const ProfileFile begun, ProfileFile::open(out_path(values)));
  SYNFIRE_RETURN_IF_ERROR(begun.check_model(model, program));
  SYNFIRE_RETURN_IF_ERROR(check_texts(begun, texts));
  if (begun.info().window_tokens > engine.model().context)
    return invalid_argument("{}: windows of {} tokens, the context is {}", begun.path(),
                            begun.info().window_tokens, engine.model().context);
  return ProfileRecorder::resume(begun);
}

// Goes through the texts, and writes down now and then what came of it.
class Run {
 public:
  Run(Engine& engine, const ProfileText& texts, ProfileRecorder& recorder,
      const OptionValues& values)
      : engine_(engine),
        texts_(texts),
        recorder_(recorder),
        path_(out_path(values)),
        every_(values.get<Duration>("checkpoint")) {}

  // The signal that stopped it; 0: it came to the end.
  Result<int> go(const StopSignals& signals) {
    began_at_ = bytes_done(0, 1);
    ProfileInfo& at = recorder_.info();
    for (; at.text < texts_.texts().size(); ++at.text, at.piece = 0) {
      while (at.piece < texts_.texts()[at.text].bytes) {
        SYNFIRE_ASSIGN_OR_RETURN(const bool stopped, go_through_piece(signals));
        if (!stopped) continue;
        SYNFIRE_RETURN_IF_ERROR(recorder_.write(path_));
        return signals.signal();
      }
    }
    at.complete = true;
    SYNFIRE_RETURN_IF_ERROR(recorder_.write(path_));
    return 0;
  }

 private:
  Result<bool> go_through_piece(const StopSignals& signals) {
    ProfileInfo& at = recorder_.info();
    SYNFIRE_ASSIGN_OR_RETURN(const ProfileText::Piece piece, texts_.piece(at.text, at.piece));
    SYNFIRE_ASSIGN_OR_RETURN(const auto windows, profile_windows(engine_, piece, at.window_tokens));
    next_piece_ = piece.next;
    while (at.window < windows.size()) {
      if (signals.signal() != 0) return true;
      SYNFIRE_RETURN_IF_ERROR(recorder_.record(engine_, windows[at.window]));
      ++at.window;
      tokens_ += windows[at.window - 1].size();
      show(windows.size());
      SYNFIRE_RETURN_IF_ERROR(checkpoint());
    }
    at.piece = piece.next;
    at.window = 0;
    return false;
  }

  // Of all texts, when so many of the piece's windows are done.
  [[nodiscard]] std::uint64_t bytes_done(std::uint64_t window, std::uint64_t n_windows) const {
    const ProfileInfo& at = recorder_.info();
    std::uint64_t bytes =
        at.piece + (std::max(next_piece_, at.piece) - at.piece) * window / n_windows;
    for (std::size_t i = 0; i < at.text; ++i) bytes += texts_.texts()[i].bytes;
    return bytes;
  }

  void show(std::size_t n_windows) {
    const std::uint64_t done = bytes_done(recorder_.info().window, n_windows);
    const double seconds = Seconds(Clock::now() - started_).count();
    const double left = static_cast<double>(texts_.bytes() - done) * seconds /
                        static_cast<double>(std::max<std::uint64_t>(done - began_at_, 1));
    progress_.at(done, texts_.bytes(),
                 fmt::format("{:.0f} tokens/s, {} left", static_cast<double>(tokens_) / seconds,
                             time_left(left)));
  }

  static std::string time_left(double seconds) {
    const auto whole = static_cast<std::uint64_t>(seconds + 1);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  }

  Status checkpoint() {
    const Clock::time_point now = Clock::now();
    if (now - written_ < std::max<Clock::duration>(every_, least_wait_)) return {};
    SYNFIRE_RETURN_IF_ERROR(recorder_.write(path_));
    written_ = Clock::now();
    if (every_ > Duration{})
      least_wait_ = std::chrono::duration_cast<Clock::duration>((written_ - now) / kCheckpointCost);
    return {};
  }

  Engine& engine_;
  const ProfileText& texts_;
  ProfileRecorder& recorder_;
  const std::filesystem::path path_;
  const Duration every_;
  std::uint64_t next_piece_ = 0, began_at_ = 0, tokens_ = 0;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point written_ = started_;
  Clock::duration least_wait_{};
  Progress progress_{"bytes"};
};

}  // namespace

Status check_profile(const OptionValues& values) {
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  if (!values.is_set("file")) return invalid_argument("--file: missing, want a file with a text");
  return {};
}

Result<int> profile(const OptionValues& values) {
  const StopSignals signals;
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile model, GgufFile::open(config.model));
  SYNFIRE_ASSIGN_OR_RETURN(const Program program, build_program(model, config.ffn_activation));
  const ProfileInfo info = ProfileInfo::of(model, program);
  SYNFIRE_RETURN_IF_ERROR(check_memory(info));
  SYNFIRE_ASSIGN_OR_RETURN(
      const ProfileText texts,
      ProfileText::open(
          values.get<std::vector<std::string>>("file"),
          values.is_set("max-bytes") ? values.get<std::uint64_t>("max-bytes") : UINT64_MAX));
  ProfileRecorder::configure(config, info.has_activity());
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(std::move(config)));
  if (engine->tokenizer() == nullptr)
    return error(StatusCode::failed_precondition, "{}: no tokenizer in the file, so no text",
                 model.path());
  describe_engine(*engine);
  SYNFIRE_ASSIGN_OR_RETURN(ProfileRecorder recorder,
                           begin(*engine, info, texts, model, program, values));
  Run run(*engine, texts, recorder, values);
  SYNFIRE_ASSIGN_OR_RETURN(const int signal, run.go(signals));
  if (signal != 0) {
    note("stopped after {} tokens; go on with --resume\n", recorder.info().tokens);
    return kExitSignal + signal;
  }
  SYNFIRE_ASSIGN_OR_RETURN(const ProfileFile written, ProfileFile::open(out_path(values)));
  SYNFIRE_RETURN_IF_ERROR(print_profile(written, values.get<bool>("json")));
  return kExitOk;
}

}  // namespace synfire::cli
