#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// `serve`, and who talks to it.
inline constexpr std::array kServiceOptions = {
    Option{.name = "listen",
           .yaml = "serve.listen",
           .env = "SYNFIRE_LISTEN",
           .type = OptionType::endpoint,
           .value_name = "ADDR:PORT",
           .default_text = "127.0.0.1:8001",
           .group = "Service",
           .help = "where gRPC listens; port 0 takes a free one and prints it",
           .commands = Command::serve},
    Option{.name = "max-sequences",
           .yaml = "serve.max_sequences",
           .env = "SYNFIRE_MAX_SEQUENCES",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "4",
           .min = 1,
           .max = 1024,
           .group = "Service",
           .help = "requests that run at once",
           .commands = Command::serve},
    Option{.name = "queue",
           .yaml = "serve.queue",
           .env = "SYNFIRE_QUEUE",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "64",
           .min = 0,
           .max = 1048576,
           .group = "Service",
           .help = "requests that wait at most; more are refused",
           .commands = Command::serve},
    Option{.name = "server",
           .yaml = "client.server",
           .env = "SYNFIRE_SERVER",
           .type = OptionType::endpoint,
           .value_name = "ADDR:PORT",
           .default_text = "127.0.0.1:8001",
           .group = "Service",
           .help = "the server to ask",
           .commands = Command::generate},
};

}  // namespace synfire
