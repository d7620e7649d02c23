#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/printable.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/inspect_pictures.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

struct Total {
  std::uint64_t tensors = 0, elements = 0, bytes = 0;
};

std::map<std::string_view, Total> totals_of(const GgufFile& file) {
  std::map<std::string_view, Total> totals;
  for (const GgufTensor& tensor : file.tensors()) {
    Total& total = totals[dtype_info(tensor.dtype).name];
    ++total.tensors;
    total.elements += tensor.elements();
    total.bytes += tensor.data.size();
  }
  return totals;
}

// A number, a boolean or a string; null for arrays.
boost::json::value scalar_json(const GgufValue& value) {
  switch (value.type()) {
    case GgufType::array: return nullptr;
    case GgufType::string: {
      const Result<std::string_view> text = value.as<std::string_view>();
      return text.ok() ? boost::json::value(json_text(*text)) : nullptr;
    }
    case GgufType::boolean: {
      const Result<bool> flag = value.as<bool>();
      return flag.ok() ? boost::json::value(*flag) : nullptr;
    }
    case GgufType::f32:
    case GgufType::f64: {
      const Result<double> real = value.as<double>();
      return real.ok() ? json_number(*real) : nullptr;
    }
    default: break;
  }
  if (const Result<std::int64_t> number = value.as<std::int64_t>(); number.ok()) return *number;
  const Result<std::uint64_t> large = value.as<std::uint64_t>();
  return large.ok() ? boost::json::value(*large) : nullptr;
}

boost::json::value to_json(const GgufEntry& entry) {
  boost::json::object object{{"key", json_text(entry.key)}, {"type", entry.value.type_name()}};
  if (entry.value.array() != nullptr) {
    object["length"] = entry.value.array()->size();
  } else {
    object["value"] = scalar_json(entry.value);
  }
  return object;
}

boost::json::value to_json(const GgufTensor& tensor) {
  boost::json::array shape;
  for (const std::uint64_t dim : tensor.shape()) shape.push_back(dim);
  return boost::json::object{{"name", json_text(tensor.name)},
                             {"dtype", dtype_info(tensor.dtype).name},
                             {"shape", std::move(shape)},
                             {"offset", tensor.offset},
                             {"bytes", tensor.data.size()}};
}

// What a file says of its own sparsity.
struct SparsityKey {
  std::string_view name;  // after "synfire.activity."
  std::string_view text;
};
constexpr SparsityKey kSparsityKeys[] = {
    {"active_share", "of the neurons fire per token"},
    {"token_overlap", "of these fire for the next token too"},
    {"predicted_share", "of the neurons are predicted"},
    {"recall", "of what fires is predicted"},
    {"precision", "of what is predicted fires"},
};

std::vector<std::pair<SparsityKey, double>> sparsity_of(const GgufFile& file) {
  std::vector<std::pair<SparsityKey, double>> found;
  for (const SparsityKey& key : kSparsityKeys) {
    const Result<double> share = file.get<double>(fmt::format("synfire.activity.{}", key.name));
    if (share.ok()) found.emplace_back(key, *share);
  }
  return found;
}

void print_sparsity(const GgufFile& file) {
  const auto shares = sparsity_of(file);
  if (shares.empty()) return;
  Table table({{"SPARSITY", Table::Align::right}, {""}});
  for (const auto& [key, share] : shares)
    table.add({fmt::format("{:.1f} %", 100 * share), std::string(key.text)});
  print("\n{}", table.text());
}

void print_as_json(const GgufFile& file) {
  boost::json::array metadata, tensors;
  for (const GgufEntry& entry : file.metadata()) metadata.push_back(to_json(entry));
  for (const GgufTensor& tensor : file.tensors()) tensors.push_back(to_json(tensor));
  boost::json::object totals;
  for (const auto& [dtype, total] : totals_of(file)) {
    totals[dtype] = {
        {"tensors", total.tensors}, {"elements", total.elements}, {"bytes", total.bytes}};
  }
  boost::json::object sparsity;
  for (const auto& [key, share] : sparsity_of(file)) sparsity[key.name] = share;
  print_json({{"path", json_text(file.path())},
              {"format", file.is_powerinfer() ? "PWRI" : "GGUF"},
              {"version", file.version()},
              {"alignment", file.alignment()},
              {"file_bytes", file.file_bytes()},
              {"sparsity", std::move(sparsity)},
              {"metadata", std::move(metadata)},
              {"tensors", std::move(tensors)},
              {"totals", std::move(totals)}});
}

void print_metadata(const GgufFile& file) {
  Table table({{"KEY"}, {"TYPE"}, {"VALUE"}});
  for (const GgufEntry& entry : file.metadata()) {
    table.add({printable(entry.key), entry.value.type_name(), entry.value.to_string()});
  }
  print("\n{}", table.text());
}

void print_tensors(const GgufFile& file) {
  Table table({{"TENSOR"}, {"DTYPE"}, {"SHAPE"}, {"BYTES", Table::Align::right}});
  for (const GgufTensor& tensor : file.tensors()) {
    table.add({printable(tensor.name), std::string(dtype_info(tensor.dtype).name),
               shape_to_string(tensor.shape()), std::to_string(tensor.data.size())});
  }
  print("\n{}", table.text());
}

void print_totals(const GgufFile& file) {
  Table table({{"DTYPE"},
               {"TENSORS", Table::Align::right},
               {"ELEMENTS", Table::Align::right},
               {"BYTES", Table::Align::right}});
  Total all;
  for (const auto& [dtype, total] : totals_of(file)) {
    table.add({std::string(dtype), std::to_string(total.tensors), std::to_string(total.elements),
               std::to_string(total.bytes)});
    all.tensors += total.tensors;
    all.elements += total.elements;
    all.bytes += total.bytes;
  }
  table.add({"all", std::to_string(all.tensors), std::to_string(all.elements),
             std::to_string(all.bytes)});
  print("\n{}", table.text());
}

}  // namespace

Status check_inspect(const OptionValues& values) {
  if (values.get<std::string>("model").empty()) return invalid_argument("want a FILE to inspect");
  return check_pictures(values);
}

Result<int> inspect(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(values.get<std::string>("model")));
  if (values.is_set("out")) {
    SYNFIRE_RETURN_IF_ERROR(draw_pictures(file, values));
    return kExitOk;
  }
  if (values.get<bool>("json")) {
    print_as_json(file);
    return kExitOk;
  }
  print("{}: {} v{}, {}, {} keys, {} tensors\n", file.path(),
        file.is_powerinfer() ? "PWRI" : "GGUF", file.version(),
        human_bytes(static_cast<double>(file.file_bytes())), file.metadata().size(),
        file.tensors().size());
  if (!file.metadata().empty()) print_metadata(file);
  print_sparsity(file);
  if (file.tensors().empty()) return kExitOk;
  print_tensors(file);
  print_totals(file);
  return kExitOk;
}

}  // namespace synfire::cli
