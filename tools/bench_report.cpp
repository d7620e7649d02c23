#include "tools/bench_report.hpp"

#include <algorithm>
#include <utility>

#include "tools/cpu_use.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/median.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

boost::json::value rates_json(std::vector<double> rates) {
  if (rates.empty()) return nullptr;
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  return {{"tokens_per_second", median(rates)},
          {"least", *least},
          {"most", *most},
          {"rounds", rates.size()}};
}

boost::json::object bytes_json(const TokenBytes& bytes) {
  return {{"attention", bytes.attention}, {"predictor", bytes.predictor}, {"ffn", bytes.ffn},
          {"head", bytes.head},           {"embedding", bytes.embedding}, {"kv", bytes.kv}};
}

void add_row(const char* name, std::uint32_t tokens, std::vector<double> rates, Table& table) {
  if (rates.empty()) return;
  const auto text = [](double value) { return fmt::format("{:.1f}", value); };
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  table.add({name, std::to_string(tokens), text(median(rates)), text(*least), text(*most)});
}

}  // namespace

BenchReport::BenchReport(const Engine& engine, const BenchShape& shape, const TokenBytes& dense,
                         const MemoryProbe& probe, double load_seconds, double hand_off_seconds)
    : model_(engine.model()),
      devices_(engine.devices()),
      placement_(engine.placement()),
      shape_(shape),
      dense_(dense),
      probe_bytes_(probe.bytes()),
      probe_wanted_bytes_(probe.wanted_bytes()),
      load_seconds_(load_seconds),
      hand_off_seconds_(hand_off_seconds) {}

// ---- What follows from a round ----

TokenBytes BenchReport::bytes_of(const BenchRound& round) const {
  TokenBytes bytes = dense_;
  bytes.predictor = static_cast<double>(placement_.predictor_bytes);
  bytes.embedding *= shape_.batch;
  bytes.kv *= shape_.batch;
  if (round.decode && round.decode->counts.neurons != 0)
    bytes.ffn = round.decode->per_step(static_cast<double>(round.decode->counts.neuron_bytes)) +
                static_cast<double>(placement_.dense_ffn_bytes);
  return bytes;
}

double BenchReport::step_seconds(const BenchRound& round) const {
  return round.decode->per_step(round.decode->seconds);
}

double BenchReport::overhead_seconds(const BenchRound& round) const {
  return round.decode->per_step(round.decode->seconds - round.decode->compute_seconds);
}

double BenchReport::wait_seconds(const BenchRound& round) const {
  if (devices_.size() == 1) return 0;  // what two clocks differ by is no wait
  return round.decode->per_step(round.decode->compute_seconds - round.decode->busy_seconds);
}

double BenchReport::bandwidth_of(const BenchRound& round) const {
  return bytes_of(round).total() / step_seconds(round);
}

double BenchReport::share_of(const BenchRound& round) const {
  return bandwidth_of(round) / round.bandwidth();
}

// ---- Over the rounds ----

std::vector<double> BenchReport::prefill_rates() const {
  std::vector<double> rates;
  for (const BenchRound& round : rounds_)
    if (round.prefill) rates.push_back(*round.prefill);
  return rates;
}

std::vector<double> BenchReport::decode_rates() const {
  std::vector<double> rates;
  for (const BenchRound& round : rounds_)
    if (round.decode) rates.push_back(round.decode->rate());
  return rates;
}

std::vector<double> BenchReport::values(Value value) const {
  std::vector<double> all;
  for (const BenchRound& round : rounds_)
    if (round.decode) all.push_back((this->*value)(round));
  return all;
}

double BenchReport::others() const {
  double sum = 0;
  for (const BenchRound& round : rounds_) sum += round.others;
  return rounds_.empty() ? 0 : sum / static_cast<double>(rounds_.size());
}

std::optional<double> BenchReport::active_share() const {
  std::uint64_t neurons = 0, active = 0;
  for (const BenchRound& round : rounds_) {
    if (!round.decode) continue;
    neurons += round.decode->counts.neurons;
    active += round.decode->counts.active;
  }
  if (neurons == 0) return std::nullopt;
  return static_cast<double>(active) / static_cast<double>(neurons);
}

// Only the FFN's part differs between rounds.
TokenBytes BenchReport::median_bytes() const {
  if (rounds_.empty()) return dense_;
  TokenBytes bytes = bytes_of(rounds_.front());
  std::vector<double> ffn;
  for (const BenchRound& round : rounds_) ffn.push_back(bytes_of(round).ffn);
  bytes.ffn = median(ffn);
  return bytes;
}

// Of weights and neurons per step, as the devices say; 0 where they do not.
double BenchReport::counted_bytes() const {
  std::vector<double> all;
  for (const BenchRound& round : rounds_)
    if (round.decode)
      all.push_back(round.decode->per_step(static_cast<double>(round.decode->counts.weight_bytes +
                                                               round.decode->counts.neuron_bytes)));
  return median(all);
}

// ---- JSON ----

boost::json::object BenchReport::round_json(const BenchRound& round) const {
  boost::json::object object{{"prefill", nullptr},
                             {"decode", nullptr},
                             {"others", round.others},
                             {"disturbed", round.others >= kDisturbingShare}};
  if (round.prefill) object["prefill"] = *round.prefill;
  if (!round.decode) return object;
  object["decode"] = round.decode->rate();
  object["bandwidth_before"] = round.before.bandwidth;
  object["bandwidth_after"] = round.after.bandwidth;
  object["decode_bandwidth"] = bandwidth_of(round);
  object["bandwidth_share"] = share_of(round);
  object["bytes_per_step"] = bytes_of(round).total();
  return object;
}

boost::json::object BenchReport::json() const {
  const TokenBytes bytes = median_bytes();
  boost::json::object object{{"model", json_text(model_.name)},
                             {"path", json_text(model_.path)},
                             {"weight_dtype", model_.weight_dtype},
                             {"parameters", model_.parameters},
                             {"prompt_tokens", shape_.prompt},
                             {"decode_tokens", shape_.decode},
                             {"batch", shape_.batch},
                             {"depth", shape_.depth},
                             {"predictor", placement_.predictor},
                             {"placement", placement_.kind},
                             {"load_seconds", load_seconds_},
                             {"prefill", rates_json(prefill_rates())},
                             {"decode", rates_json(decode_rates())},
                             {"bytes_per_token", bytes.total() / shape_.batch},
                             {"bytes_per_step", bytes.total()},
                             {"bytes", bytes_json(bytes)},
                             {"bytes_counted", counted_bytes()},
                             {"dense_bytes_per_token", dense_.total()},
                             {"bytes_are_dense", !active_share().has_value()},
                             {"active_share", nullptr},
                             {"hand_off_seconds", hand_off_seconds_},
                             {"others", others()},
                             {"disturbed", others() >= kDisturbingShare}};
  boost::json::array& devices = object["devices"].emplace_array();
  for (const DeviceStatus& device : devices_)
    devices.push_back({{"name", device.name},
                       {"description", json_text(device.description)},
                       {"weight_bytes", device.weight_bytes},
                       {"kv_bytes", device.kv_bytes}});
  boost::json::array& rounds = object["rounds"].emplace_array();
  for (const BenchRound& round : rounds_) rounds.push_back(round_json(round));
  if (const auto share = active_share()) object["active_share"] = *share;
  if (expected_)
    object["expected"] = {{"tokens_per_second", expected_->tokens_per_second},
                          {"depth", expected_->depth}};
  if (decode_rates().empty()) return object;
  object["decode_bandwidth"] = median(values(&BenchReport::bandwidth_of));
  object["bandwidth_share"] = median(values(&BenchReport::share_of));
  object["step_seconds"] = median(values(&BenchReport::step_seconds));
  object["step_overhead_seconds"] = median(values(&BenchReport::overhead_seconds));
  object["step_wait_seconds"] = median(values(&BenchReport::wait_seconds));
  std::vector<double> bandwidths;
  for (const BenchRound& round : rounds_) bandwidths.push_back(round.bandwidth());
  object["read_bandwidth"] = median(bandwidths);
  object["probe"] = {{"kernel", rounds_.back().before.kernel},
                     {"threads", rounds_.back().before.threads},
                     {"bytes", probe_bytes_},
                     {"wanted_bytes", probe_wanted_bytes_}};
  return object;
}

// ---- Text ----

std::string BenchReport::text() const {
  Table table({{""},
               {"TOKENS", Table::Align::right},
               {"TOKENS/S", Table::Align::right},
               {"LEAST", Table::Align::right},
               {"MOST", Table::Align::right}});
  add_row("prefill", shape_.prompt, prefill_rates(), table);
  add_row("decode", shape_.decode, decode_rates(), table);
  std::string text = table.text();
  if (shape_.batch > 1)
    text += fmt::format("batch {}: rates are of all sequences together\n", shape_.batch);
  if (!decode_rates().empty()) text += decode_text() + expected_text();
  return text + machine_text();
}

std::string BenchReport::decode_text() const {
  const TokenBytes b = median_bytes();
  std::string text = fmt::format(
      "bytes per {}: {} (attention {}, predictor {}, FFN {}, head {}, embedding {}, KV cache {})\n",
      shape_.batch > 1 ? "step" : "token", human_bytes(b.total()), human_bytes(b.attention),
      human_bytes(b.predictor), human_bytes(b.ffn), human_bytes(b.head), human_bytes(b.embedding),
      human_bytes(b.kv));
  if (const auto share = active_share())
    text += fmt::format("active neurons, counted: {:.1f} %\n", 100 * *share);
  std::vector<double> bandwidths;
  for (const BenchRound& round : rounds_) bandwidths.push_back(round.bandwidth());
  const auto [least, most] = std::minmax_element(bandwidths.begin(), bandwidths.end());
  text += fmt::format(
      "read bandwidth of host memory, around each round: {}/s ({} to {}; {}, {} threads)\n",
      human_bytes(median(bandwidths)), human_bytes(*least), human_bytes(*most),
      rounds_.back().before.kernel, rounds_.back().before.threads);
  if (probe_bytes_ < probe_wanted_bytes_)
    text +=
        fmt::format("  its buffer had {}, want {}: memory is short, so caches may have helped\n",
                    human_bytes(static_cast<double>(probe_bytes_)),
                    human_bytes(static_cast<double>(probe_wanted_bytes_)));
  const double share = median(values(&BenchReport::share_of));
  text += fmt::format("decode moves {}/s: {:.1f} % of it{}\n",
                      human_bytes(median(values(&BenchReport::bandwidth_of))), 100 * share,
                      share > 1 ? "; caches hold part of what it reads" : "");
  return text;
}

// A plan is about one sequence.
std::string BenchReport::expected_text() const {
  if (!expected_ || shape_.batch != 1) return "";
  const double measured = median(decode_rates());
  return fmt::format("the plan expected {:.1f} tokens/s at {} tokens in the KV cache: {:+.1f} %\n",
                     expected_->tokens_per_second, expected_->depth,
                     100 * (expected_->tokens_per_second / measured - 1));
}

std::string BenchReport::machine_text() const {
  std::string text = fmt::format("load: {:.2f} s; hand-off between actors: {:.1f} us",
                                 load_seconds_, 1e6 * hand_off_seconds_);
  if (!decode_rates().empty()) {
    const double step = median(values(&BenchReport::step_seconds));
    const double overhead = median(values(&BenchReport::overhead_seconds));
    text += fmt::format("; of a step of {:.3f} ms, {:.0f} us ({:.1f} %) lie outside the devices",
                        1e3 * step, 1e6 * overhead, 100 * overhead / step);
    if (devices_.size() > 1)
      text += fmt::format("; the busiest one waits for others for {:.0f} us",
                          1e6 * median(values(&BenchReport::wait_seconds)));
  }
  text += fmt::format("\nothers had {:.1f} % of the processors' time{}\n", 100 * others(),
                      others() >= kDisturbingShare ? ": DISTURBED, measure again" : "");
  return text;
}

}  // namespace synfire::cli
