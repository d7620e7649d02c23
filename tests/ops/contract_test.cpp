#include <gmock/gmock.h>

#include <functional>

#include "tests/ops/neuron_spec.hpp"
#include "tests/ops/op_test.hpp"

// What every backend owes its host beside right numbers: refusals that name the thing, the got and
// the wanted, and an end to every submission.
namespace synfire::ops_test {
namespace {

using testing::HasSubstr;

class ContractTest : public testing::TestWithParam<std::string> {
 protected:
  static StageSpec embed_stage() {
    StageSpec spec;
    const std::uint32_t table = spec.weight(
        HostTensor::of(DType::f32, 4096, 1, std::vector<float>(4096, 1.0f), "token_embd.weight"));
    spec.output(spec.op(SF_OP_EMBED, {}, {SF_VALUE_ROWS, 1}, sf_embed_params{1}, {table}));
    return spec;
  }
  static StageSpec add_stage() {
    StageSpec spec;
    const std::uint32_t a = spec.rows(4);
    const std::uint32_t b = spec.rows(4);
    spec.output(spec.op(SF_OP_ADD, {a, b}, {SF_VALUE_ROWS, 4}, sf_no_params{}));
    return spec;
  }
  static StageSpec kv_stage() {
    StageSpec spec;
    spec.kv.push_back({sizeof(sf_kv_desc), 1, 4, 2, 1, 4, 0, 0});
    const std::uint32_t x = spec.rows(4);
    spec.ops.push_back(
        {SF_OP_KV_WRITE, {x, x}, {}, {}, SF_NONE, 0, StageSpec::bytes_of(sf_kv_params{0})});
    spec.output(spec.op(SF_OP_ATTENTION, {x}, {SF_VALUE_ROWS, 4},
                        sf_attention_params{0, 1, 1, 4, 1}, {}, {SF_NONE, 0}));
    return spec;
  }
  static StageSpec ffn_stage(bool listed = true) {
    Random random(1);
    StageSpec spec;
    const std::uint32_t x = spec.rows(4);
    const std::uint32_t list = listed ? spec.input(SF_VALUE_ACTIVE, 6) : SF_NONE;
    spec.output(spec.op(SF_OP_NEURON_FFN, {x, list, SF_NONE}, {SF_VALUE_ROWS, 4},
                        sf_neuron_ffn_params{SF_ACTIVATION_RELU, SF_GATE_NONE, 0, 0}, {},
                        {0, SF_NONE}));
    spec.neurons.push_back(random_neurons({4, 6, 2, true}, DType::f32, random, {0, 2}));
    return spec;
  }

  Status compile(const StageSpec& spec) { return TestStage::make(device_, spec).status(); }
  // The error that running a good stage with a bad batch or input ends with.
  Status run(const StageSpec& spec, const BatchSpec& batch, const std::vector<Bytes>& inputs) {
    auto stage = TestStage::make(device_, spec);
    if (!stage.ok()) return stage.status();
    return (*stage)->run(batch, inputs).status();
  }
  static void expect_error(const Status& status, StatusCode code, const std::string& text) {
    EXPECT_EQ(status.code(), code) << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(text));
  }

  TestDevice device_{GetParam()};
};

TEST_P(ContractTest, UnknownOptionsAreNamed) {
  const Status status = TestDevice::open(GetParam(), {{"colour", "blue"}}).status();
  expect_error(status, StatusCode::invalid_argument, "colour");
}

TEST_P(ContractTest, DevicesAreDescribed) {
  const auto backend = TestDevice::backend(GetParam());
  ASSERT_TRUE(backend.ok());
  ASSERT_GE((*backend).device_count(), 1u);
  const auto info = (*backend).describe(0);
  ASSERT_TRUE(info.ok()) << info.status().to_string();
  EXPECT_NE((*info).kind, 0u);
  EXPECT_GE((*info).cores, 1u);
  EXPECT_STRNE((*info).description, "");
  EXPECT_FALSE((*backend).describe(1000).ok());
}

TEST_P(ContractTest, MeasuresItself) {
  const auto measured = device_->measure();
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  EXPECT_GT((*measured).read_bandwidth, 0);
  EXPECT_GE((*measured).host_bandwidth, 0);
  EXPECT_GE((*measured).submit_seconds, 0);
}

TEST_P(ContractTest, DeviceMemoryIsFilledAndReadByCopies) {
  const auto memory = device_->alloc(1000);
  ASSERT_TRUE(memory.ok());
  void* const address = (*memory).get();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % 64, 0u);
  std::vector<char> from(1000, 'a'), to(1000, 'b');
  ASSERT_TRUE(device_->copy(address, SF_MEMORY_DEVICE, from.data(), SF_MEMORY_HOST, 1000).ok());
  ASSERT_TRUE(device_->copy(to.data(), SF_MEMORY_HOST, address, SF_MEMORY_DEVICE, 1000).ok());
  EXPECT_EQ(from, to);
}

TEST_P(ContractTest, SupportsWhatItCompiles) {
  const sf_value_desc values[] = {{SF_VALUE_ROWS, 32}, {SF_VALUE_ROWS, 8}};
  const std::uint32_t in = 0, out = 1, weights[] = {0, SF_NONE};
  const sf_no_params params{};
  sf_op op{sizeof(sf_op), SF_OP_LINEAR,  1,   1,    2,       SF_NONE,
           SF_NONE,       sizeof params, &in, &out, weights, &params};
  sf_tensor_desc tensors[2] = {};
  for (const DType dtype : weight_dtypes()) {
    if (!fits(dtype, 32)) continue;
    tensors[0] = {
        sizeof(sf_tensor_desc), static_cast<std::uint32_t>(dtype), 0, 0, 8, 32, "w", nullptr};
    EXPECT_TRUE(device_->supports_op({op, values, tensors})) << dtype_info(dtype).name;
  }
  tensors[0].rows = 9;
  EXPECT_FALSE(device_->supports_op({op, values, tensors})) << "shape";
  tensors[0].rows = 8;
  tensors[0].dtype = static_cast<std::uint32_t>(DType::i32);
  EXPECT_FALSE(device_->supports_op({op, values, tensors})) << "dtype";
  tensors[0].dtype = 0;
  op.id = 9999;
  EXPECT_FALSE(device_->supports_op({op, values, tensors})) << "op";
}

TEST_P(ContractTest, SpoiledStagesAreRefused) {
  const struct {
    StatusCode code;
    const char* text;
    StageSpec spec;
    std::function<void(StageSpec&)> spoil;
  } cases[] = {
      {StatusCode::unimplemented, "9999", add_stage(), [](StageSpec& s) { s.ops[2].id = 9999; }},
      {StatusCode::invalid_argument, "inputs 1, want 2", add_stage(),
       [](StageSpec& s) { s.ops[2].inputs.pop_back(); }},
      {StatusCode::invalid_argument, "value 77", add_stage(),
       [](StageSpec& s) { s.ops[2].inputs[0] = 77; }},
      {StatusCode::invalid_argument, "absent", add_stage(),
       [](StageSpec& s) { s.ops[2].inputs[1] = SF_NONE; }},
      {StatusCode::invalid_argument, "width 5, want 4", add_stage(),
       [](StageSpec& s) { s.values[s.ops[2].outputs[0]].width = 5; }},
      {StatusCode::invalid_argument, "before it is written", add_stage(),
       [](StageSpec& s) { std::swap(s.ops[1], s.ops[2]); }},
      {StatusCode::invalid_argument, "written twice", add_stage(),
       [](StageSpec& s) { s.ops.insert(s.ops.begin() + 2, s.ops[2]); }},
      {StatusCode::invalid_argument, "port", add_stage(),
       [](StageSpec& s) { s.ops[2].inputs[0] = s.inputs[0]; }},
      {StatusCode::invalid_argument, "no op writes", add_stage(),
       [](StageSpec& s) { s.ops.pop_back(); }},
      {StatusCode::invalid_argument, "bytes of parameters", embed_stage(),
       [](StageSpec& s) { s.ops[0].params.push_back(std::byte{0}); }},
      {StatusCode::invalid_argument, "weight", embed_stage(),
       [](StageSpec& s) { s.ops[0].weights[0] = 5; }},
      {StatusCode::invalid_argument, "KV storage is absent", kv_stage(),
       [](StageSpec& s) { s.ops[1].kv = SF_NONE; }},
      {StatusCode::invalid_argument, "layer 1, want less than 1", kv_stage(),
       [](StageSpec& s) { s.ops[1].params = StageSpec::bytes_of(sf_kv_params{1}); }},
      {StatusCode::invalid_argument, "n_kv_heads 2, want 1", kv_stage(),
       [](StageSpec& s) {
         s.ops[2].params = StageSpec::bytes_of(sf_attention_params{0, 2, 2, 2, 1});
       }},
      {StatusCode::unimplemented, "dtype", kv_stage(),
       [](StageSpec& s) { s.kv[0].dtype = static_cast<std::uint32_t>(DType::q4_0); }},
      {StatusCode::invalid_argument, "neurons are absent", ffn_stage(),
       [](StageSpec& s) { s.ops[2].neurons = SF_NONE; }},
      {StatusCode::invalid_argument, "gate rule number 7", ffn_stage(),
       [](StageSpec& s) {
         s.ops[2].params = StageSpec::bytes_of(sf_neuron_ffn_params{SF_ACTIVATION_RELU, 7, 0, 0});
       }},
      {StatusCode::invalid_argument, "group size 0", ffn_stage(),
       [](StageSpec& s) {
         s.neurons[0].resident = {};
         s.neurons[0].desc.group_size = 0;
       }},
  };
  for (const auto& [code, text, good, spoil] : cases) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(compile(good).ok()) << compile(good).to_string();
    StageSpec bad = good;
    spoil(bad);
    expect_error(compile(bad), code, text);
  }
}

TEST_P(ContractTest, TokensOutsideTheVocabularyAreErrors) {
  BatchSpec batch = BatchSpec::of(2);
  batch.tokens = {5, 70000};
  expect_error(run(embed_stage(), batch, {}), StatusCode::invalid_argument,
               "embed: token 70000: want less than 4096");
  batch.tokens = {5, -1};
  expect_error(run(embed_stage(), batch, {}), StatusCode::invalid_argument, "token -1");
  batch.tokens = {5, 4095};
  EXPECT_TRUE(run(embed_stage(), batch, {}).ok());
}

TEST_P(ContractTest, PositionsBeyondTheBlockTableAreErrors) {
  BatchSpec batch = BatchSpec::of(1);
  batch.max_blocks = 2;
  batch.block_tables = {3, 0};
  const std::vector<Bytes> in{Bytes(16)};
  batch.positions = {3};
  EXPECT_TRUE(run(kv_stage(), batch, in).ok());
  batch.positions = {4};
  expect_error(run(kv_stage(), batch, in), StatusCode::out_of_range, "position 4");
  batch.positions = {UINT32_MAX};
  expect_error(run(kv_stage(), batch, in), StatusCode::out_of_range, "position");
  batch.positions = {1};
  batch.block_tables = {4, 0};
  expect_error(run(kv_stage(), batch, in), StatusCode::out_of_range, "block 4");
}

TEST_P(ContractTest, BatchesThatDoNotFitAreErrors) {
  StageSpec spec = add_stage();
  spec.max_tokens = 4;
  const auto inputs = [](std::uint32_t n) { return std::vector<Bytes>(2, Bytes(n * 16)); };
  EXPECT_TRUE(run(spec, BatchSpec::of(4), inputs(4)).ok());
  expect_error(run(spec, BatchSpec::of(5), inputs(5)), StatusCode::invalid_argument,
               "n_tokens 5, want at most 4");
  BatchSpec batch = BatchSpec::of(2);
  batch.sequences[1] = 1;
  expect_error(run(spec, batch, inputs(2)), StatusCode::invalid_argument,
               "sequence 1, want less than 1");
  batch = BatchSpec::of(2);
  batch.wanted = {2};
  expect_error(run(spec, batch, inputs(2)), StatusCode::invalid_argument,
               "wanted token 2, want less than 2");
}

TEST_P(ContractTest, ShortInputPortsAreErrors) {
  expect_error(run(add_stage(), BatchSpec::of(2), {Bytes(32), Bytes(31)}),
               StatusCode::invalid_argument, "input port 1");
}

TEST_P(ContractTest, BrokenActiveListsAreErrors) {
  const std::vector<float> x(4, 1.0f);
  const auto with = [&](const std::function<void(Bytes&)>& spoil) {
    Bytes list = active_list(6, 1, [](std::uint32_t, std::uint32_t) { return true; });
    spoil(list);
    return run(ffn_stage(), BatchSpec::of(1), {bytes_of(x), list});
  };
  const auto header = [](Bytes& list) -> sf_active_header& {
    return *reinterpret_cast<sf_active_header*>(list.data());
  };
  const auto ids = [](Bytes& list) {
    return reinterpret_cast<std::uint32_t*>(list.data() + sizeof(sf_active_header));
  };
  EXPECT_TRUE(with([](Bytes&) {}).ok());
  const StatusCode bad = StatusCode::invalid_argument;
  expect_error(with([&](Bytes& list) { header(list).count = 7; }), bad, "7 of 6");
  expect_error(with([&](Bytes& list) { header(list).capacity = 5; }), bad, "capacity 6");
  expect_error(with([&](Bytes& list) { header(list).mask_words = 2; }), bad, "mask words");
  expect_error(with([&](Bytes& list) { ids(list)[5] = 6; }), bad, "neuron 6");
  expect_error(with([&](Bytes& list) { ids(list)[2] = 1; }), bad, "rising");
}

TEST_P(ContractTest, AnErrorEndsTheSubmissionNotTheStage) {
  auto stage = TestStage::make(device_, embed_stage());
  ASSERT_TRUE(stage.ok());
  BatchSpec good = BatchSpec::of(1), bad = BatchSpec::of(1);
  bad.tokens = {5000};
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE((*stage)->run(bad, {}).ok());
    EXPECT_TRUE((*stage)->run(good, {}).ok());
  }
}

TEST_P(ContractTest, AFailedWriterEndsItsReaders) {
  auto stage = TestStage::make(device_, add_stage());
  ASSERT_TRUE(stage.ok());
  const auto run = (*stage)->prepare(BatchSpec::of(1), {Bytes(16), Bytes(16)}, true);
  run->abort_input(1);
  ASSERT_TRUE((*stage)->submit(*run).ok());
  expect_error(run->wait(), StatusCode::aborted, "input port 1");
  EXPECT_EQ(run->output_flag(0), SF_EVENT_ABORTED);
}

TEST_P(ContractTest, AnAbortedDeviceRunsNothing) {
  auto stage = TestStage::make(device_, add_stage());
  ASSERT_TRUE(stage.ok());
  const std::vector<Bytes> in(2, Bytes(16));
  EXPECT_TRUE((*stage)->run(BatchSpec::of(1), in).ok());
  device_->abort();
  EXPECT_EQ((*stage)->run(BatchSpec::of(1), in).status().code(), StatusCode::aborted);
  EXPECT_EQ((*stage)->run(BatchSpec::of(1), in).status().code(), StatusCode::aborted);
}

TEST_P(ContractTest, GroupsComeAndGo) {
  StageSpec spec = ffn_stage(false);
  auto stage = TestStage::make(device_, spec);
  ASSERT_TRUE(stage.ok()) << stage.status().to_string();
  const std::vector<Bytes> in{bytes_of({1, -1, 0.5f, 2})};
  const auto answer = [&] { return (*(*stage)->run(BatchSpec::of(1), in))[0]; };
  const Bytes first = answer();
  EXPECT_EQ((*stage)->upload_groups(0, {2}).code(), StatusCode::failed_precondition);
  ASSERT_TRUE((*stage)->upload_groups(0, {1}).ok());
  EXPECT_NE(answer(), first);
  const auto evict = [&](std::uint32_t group) {
    return device_->evict_groups((*stage)->neurons(0), {&group, 1});
  };
  EXPECT_TRUE(evict(1).ok());
  EXPECT_EQ(evict(1).code(), StatusCode::failed_precondition);
  EXPECT_FALSE(evict(3).ok());
  EXPECT_EQ(answer(), first);
}

TEST_P(ContractTest, NeuronsHaveACapacity) {
  StageSpec spec = ffn_stage();
  spec.neurons[0].desc.capacity = 2;
  auto stage = TestStage::make(device_, spec);
  ASSERT_TRUE(stage.ok()) << stage.status().to_string();
  const Status full = (*stage)->upload_groups(0, {1});
  expect_error(full, StatusCode::resource_exhausted, "group 1");
  const std::uint32_t gone = 2;
  ASSERT_TRUE(device_->evict_groups((*stage)->neurons(0), {&gone, 1}).ok());
  EXPECT_TRUE((*stage)->upload_groups(0, {1}).ok());
}

INSTANTIATE_TEST_SUITE_P(Backends, ContractTest, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace synfire::ops_test
