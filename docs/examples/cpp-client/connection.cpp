#include "connection.hpp"

#include <algorithm>
#include <poll.h>
#include <zmq.h>

#include "failure.hpp"

namespace {

// How long closing waits at most for a message that is on its way.
constexpr int kLingerMs = 100;

void set(void* socket, int option, int value) { zmq_setsockopt(socket, option, &value, sizeof value); }

void set_key(void* socket, int option, const std::string& key) {
    if (zmq_setsockopt(socket, option, key.c_str(), key.size() + 1) != 0)
        throw Failure(kBadInput, std::string("ZeroMQ does not take the CURVE key: ") + zmq_strerror(zmq_errno()) + ".");
}

}  // namespace

void Connection::CloseContext::operator()(void* context) const { zmq_ctx_term(context); }

void Connection::CloseSocket::operator()(void* socket) const { zmq_close(socket); }

Connection::Connection(const std::string& endpoint, const std::optional<Keys>& keys)
    : context_(zmq_ctx_new()), socket_(zmq_socket(context_.get(), ZMQ_DEALER)) {
    void* socket = socket_.get();
    // Queue for live connections only: what was meant for a dead server is not delivered to its successor.
    set(socket, ZMQ_IMMEDIATE, 1);
    set(socket, ZMQ_LINGER, kLingerMs);
    set(socket, ZMQ_IPV6, 1);
    set(socket, ZMQ_SNDHWM, 16);
    set(socket, ZMQ_RCVHWM, 16);
    set(socket, ZMQ_RECONNECT_IVL, 20);
    // A machine that lost power says nothing: heartbeats notice.
    set(socket, ZMQ_HEARTBEAT_IVL, 1000);
    set(socket, ZMQ_HEARTBEAT_TIMEOUT, 3000);
    if (keys) {
        set_key(socket, ZMQ_CURVE_SERVERKEY, keys->server_public);
        set_key(socket, ZMQ_CURVE_PUBLICKEY, keys->own_public);
        set_key(socket, ZMQ_CURVE_SECRETKEY, keys->own_secret);
    }
    if (zmq_connect(socket, endpoint.c_str()) != 0)
        throw Failure(kBadInput, "'" + endpoint + "' is no endpoint to connect to (" + zmq_strerror(zmq_errno()) +
                                     "); expected tcp://HOST:PORT or ipc://PATH.");
    std::size_t size = sizeof descriptor_;
    zmq_getsockopt(socket, ZMQ_FD, &descriptor_, &size);
}

bool Connection::send(const Bytes& payload) {
    return zmq_send(socket_.get(), payload.data(), payload.size(), ZMQ_DONTWAIT) >= 0;
}

// zmq_poll counts milliseconds, half a period at 500 Hz; ppoll on ZeroMQ's descriptor counts nanoseconds. That
// descriptor says only that something has changed, so the socket is tried before every wait.
std::optional<Bytes> Connection::receive(Nanoseconds until_ns) {
    while (true) {
        if (std::optional<Bytes> payload = try_receive()) return payload;
        const Nanoseconds left_ns = until_ns - now_ns();
        if (left_ns <= 0) return std::nullopt;
        const timespec left = as_timespec(left_ns);
        pollfd watched{descriptor_, POLLIN, 0};
        if (ppoll(&watched, 1, &left, nullptr) < 0) return std::nullopt;
    }
}

std::optional<Bytes> Connection::try_receive() {
    zmq_msg_t message;
    zmq_msg_init(&message);
    std::optional<Bytes> payload;
    if (zmq_msg_recv(&message, socket_.get(), ZMQ_DONTWAIT) >= 0) {
        const char* data = static_cast<const char*>(zmq_msg_data(&message));
        payload.emplace(data, data + zmq_msg_size(&message));
    }
    zmq_msg_close(&message);
    return payload;
}
