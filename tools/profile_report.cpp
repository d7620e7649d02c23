#include "tools/profile_report.hpp"

#include "core/sparsity/activity_summary.hpp"
#include "core/sparsity/coactivation.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

using enum Table::Align;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

Table head() {
  return Table({{"layer", right},
                {"active", right},
                {"again next token", right},
                {"hottest 20 % give", right},
                {"within 64 tokens", right},
                {"of these once", right},
                {"with partners", right},
                {"never", right},
                {"once in all", right}});
}

void add_row(Table& table, std::uint32_t layer, const ActivitySummary& summary,
             const Coactivation& coactivation) {
  table.add({fmt::format("{}", layer), percent(summary.active), percent(summary.overlap),
             percent(summary.hottest_fifth), percent(summary.in_run), percent(summary.once_in_run),
             fmt::format("{:.2f} x", coactivation.lift), fmt::format("{}", summary.never),
             fmt::format("{}", summary.once)});
}

boost::json::object to_json(const ActivitySummary& summary, const Coactivation& coactivation) {
  return {{"active", summary.active},
          {"overlap", summary.overlap},
          {"hottest_fifth", summary.hottest_fifth},
          {"in_run", summary.in_run},
          {"once_in_run", summary.once_in_run},
          {"partner_lift", coactivation.lift},
          {"never", summary.never},
          {"once", summary.once}};
}

}  // namespace

Status print_profile(const ProfileFile& profile, bool json) {
  const ProfileInfo& info = profile.info();
  Table table = head();
  boost::json::array layers;
  for (std::uint32_t i = 0; info.has_activity() && i < info.n_layers; ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(const ActivityStats stats, profile.stats(i));
    const ActivitySummary summary = summarize(stats, info.tokens);
    SYNFIRE_ASSIGN_OR_RETURN(const TraceSample traces, profile.traces(i));
    const Coactivation coactivation = find_coactivation(traces);
    add_row(table, i, summary, coactivation);
    layers.push_back(to_json(summary, coactivation));
  }
  if (json) {
    print_json({{"file", json_text(profile.path())},
                {"tokens", info.tokens},
                {"windows", info.windows},
                {"window_tokens", info.window_tokens},
                {"complete", info.complete},
                {"layers", std::move(layers)}});
    return {};
  }
  if (info.has_activity()) print("{}", table.text());
  print("{}: {} tokens in {} windows{}{}\n", profile.path(), info.tokens, info.windows,
        info.complete ? "" : ", not yet complete",
        info.has_activity() ? "" : fmt::format("; all neurons fire, always: {}", info.activation));
  return {};
}

}  // namespace synfire::cli
