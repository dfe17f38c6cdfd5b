// One DEALER socket: sends at once or not at all, receives until a moment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "clock.hpp"
#include "keys.hpp"
#include "messages.hpp"

class Connection {
public:
    // Throws Failure where the endpoint is none.
    Connection(const std::string& endpoint, const std::optional<Keys>& keys);

    // False where nobody is connected.
    bool send(const Bytes& payload);

    // The next message, or nothing when the moment has come or a signal did.
    std::optional<Bytes> receive(Nanoseconds until_ns);

private:
    std::optional<Bytes> try_receive();

    struct CloseContext {
        void operator()(void* context) const;
    };
    struct CloseSocket {
        void operator()(void* socket) const;
    };
    // In this order: a context ends only after its sockets.
    std::unique_ptr<void, CloseContext> context_;
    std::unique_ptr<void, CloseSocket> socket_;
    int descriptor_ = -1;
};
