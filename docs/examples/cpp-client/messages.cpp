#include "messages.hpp"

#include <cmath>
#include <cstring>
#include <msgpack.hpp>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays on the wire are little-endian");

namespace {

class Packer : public msgpack::packer<msgpack::sbuffer> {
public:
    explicit Packer(msgpack::sbuffer& buffer) : msgpack::packer<msgpack::sbuffer>(buffer) {}

    template <typename Value>
    void item(const char* key, const Value& value) {
        pack(key);
        pack(value);
    }

    // What every message begins with.
    void begin(const char* type, std::uint32_t num_keys, Sequence sequence) {
        pack_map(num_keys);
        item("type", type);
        item("version", kVersion);
        item("sequence", sequence);
    }

    void array(const std::vector<float>& entries) {
        const auto num_bytes = static_cast<std::uint32_t>(entries.size() * sizeof(float));
        pack_map(3);
        item("dtype", "<f4");
        item("shape", std::vector<std::size_t>{entries.size()});
        pack("data");
        pack_bin(num_bytes);
        pack_bin_body(reinterpret_cast<const char*>(entries.data()), num_bytes);
    }

    void fields(const char* key, const std::vector<Field>& fields) {
        pack(key);
        if (fields.empty()) {
            pack_nil();
            return;
        }
        pack_array(static_cast<std::uint32_t>(fields.size()));
        for (const Field& field : fields) {
            pack_map(3);
            item("name", field.name);
            item("size", field.size);
            item("unit", field.unit);
        }
    }

    void text_or_nil(const char* key, const std::string& text) {
        pack(key);
        text.empty() ? pack_nil() : pack(text);
    }
};

Bytes bytes_of(const msgpack::sbuffer& buffer) { return {buffer.data(), buffer.data() + buffer.size()}; }

// A map that is read by key; a key that is missing or of another type is a BadMessage that names it.
class Reader {
public:
    explicit Reader(const msgpack::object& object) : object_(object) {
        if (object.type != msgpack::type::MAP) throw BadMessage("expected a map");
    }

    const msgpack::object* find(const char* key) const {
        const std::size_t length = std::strlen(key);
        for (std::uint32_t i = 0; i < object_.via.map.size; ++i) {
            const auto& [found, value] = object_.via.map.ptr[i];
            if (found.type == msgpack::type::STR && found.via.str.size == length &&
                std::memcmp(found.via.str.ptr, key, length) == 0)
                return &value;
        }
        return nullptr;
    }

    const msgpack::object& at(const char* key) const {
        if (const msgpack::object* value = find(key)) return *value;
        throw BadMessage(std::string("the key '") + key + "' is missing");
    }

    template <typename Value>
    Value get(const char* key) const {
        return convert<Value>(key, at(key));
    }

    template <typename Value>
    Value get_or(const char* key, Value otherwise) const {
        const msgpack::object* value = find(key);
        return value == nullptr || value->is_nil() ? otherwise : convert<Value>(key, *value);
    }

private:
    template <typename Value>
    static Value convert(const char* key, const msgpack::object& value) {
        try {
            return value.as<Value>();
        } catch (const msgpack::type_error&) {
            throw BadMessage(std::string("'") + key + "' is of another type");
        }
    }

    const msgpack::object& object_;
};

std::vector<float> read_array(const msgpack::object& object) {
    const Reader reader(object);
    const msgpack::object& data = reader.at("data");
    const auto shape = reader.get<std::vector<std::size_t>>("shape");
    if (reader.get<std::string>("dtype") != "<f4") throw BadMessage("an array of another dtype than '<f4'");
    if (data.type != msgpack::type::BIN || shape.size() != 1 || data.via.bin.size % sizeof(float) != 0 ||
        data.via.bin.size / sizeof(float) != shape[0])
        throw BadMessage("an array whose bytes do not fill its shape");
    std::vector<float> entries(shape[0]);
    if (!entries.empty()) std::memcpy(entries.data(), data.via.bin.ptr, data.via.bin.size);
    for (const float entry : entries)
        if (!std::isfinite(entry)) throw BadMessage("an array with an entry that is not finite");
    return entries;
}

std::vector<Field> read_fields(const msgpack::object& object) {
    if (object.type != msgpack::type::ARRAY) throw BadMessage("expected a list of fields");
    std::vector<Field> fields;
    for (std::uint32_t i = 0; i < object.via.array.size; ++i) {
        const Reader reader(object.via.array.ptr[i]);
        fields.push_back({reader.get<std::string>("name"), reader.get<std::uint64_t>("size"),
                          reader.get<std::string>("unit"), reader.get<std::vector<double>>("low"),
                          reader.get<std::vector<double>>("high")});
        const Field& field = fields.back();
        if (field.low.size() != field.size || field.high.size() != field.size)
            throw BadMessage("the field '" + field.name + "' has another number of bounds than entries");
    }
    return fields;
}

// What the rest of this program relies on.
void check(const Welcome& welcome) {
    std::size_t size = 0;
    for (const Field& field : welcome.action) size += field.size;
    if (welcome.safe_action.size() != size || (welcome.action_rate_limit && welcome.action_rate_limit->size() != size))
        throw BadMessage("a welcome whose action, safe action and rate limit differ in size");
    if (!(welcome.control_period_s >= 1e-6)) throw BadMessage("a control period below a microsecond");
}

Welcome read_welcome(const Reader& reader) {
    Welcome welcome;
    welcome.sequence = reader.get<Sequence>("sequence");
    welcome.bundle = reader.get<std::string>("bundle");
    welcome.bundle_sha256 = reader.get<std::string>("bundle_sha256");
    welcome.action_kind = reader.get<std::string>("action_kind");
    welcome.observation = read_fields(reader.at("observation"));
    welcome.action = read_fields(reader.at("action"));
    if (!reader.at("action_rate_limit").is_nil())
        welcome.action_rate_limit = reader.get<std::vector<double>>("action_rate_limit");
    welcome.safe_action = reader.get<std::vector<double>>("safe_action");
    welcome.control_period_s = reader.get<double>("control_period_s");
    welcome.engagement = reader.get_or("engagement", false);
    check(welcome);
    return welcome;
}

Act read_act(const Reader& reader) {
    Act act;
    act.sequence = reader.get<Sequence>("sequence");
    act.episode_tick = reader.get<std::uint64_t>("episode_tick");
    act.action = read_array(reader.at("action"));
    act.status = reader.get<std::string>("status");
    act.rung = reader.get<std::string>("rung");
    act.reason = reader.get<std::string>("reason");
    act.steps = reader.get<std::uint64_t>("steps");
    act.valid_for_us = reader.get<std::int64_t>("valid_for_us");
    act.server_ns = Reader(reader.at("timings")).get<std::int64_t>("server_ns");
    act.engagement = reader.get_or("engagement", std::string());
    act.engagement_reason = reader.get_or("engagement_reason", std::string());
    return act;
}

ErrorReply read_error(const Reader& reader) {
    ErrorReply error;
    if (!reader.at("sequence").is_nil()) error.sequence = reader.get<Sequence>("sequence");
    error.kind = reader.get<std::string>("kind");
    error.expected = reader.get<std::string>("expected");
    error.found = reader.get<std::string>("found");
    error.advice = reader.get<std::string>("advice");
    return error;
}

}  // namespace

std::string ErrorReply::sentence() const {
    return kind + ": expected " + expected + ", found " + found + (advice.empty() ? "" : "; " + advice) + ".";
}

Bytes encode_hello(Sequence sequence, const std::string& name, const Expectations& expect) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    packer.begin("hello", 5, sequence);
    packer.item("name", name);
    packer.pack("expect");
    packer.pack_map(5);
    packer.fields("observation", expect.observation);
    packer.fields("action", expect.action);
    packer.text_or_nil("action_kind", expect.action_kind);
    packer.pack("control_period_s");
    expect.control_period_s ? packer.pack(*expect.control_period_s) : packer.pack_nil();
    packer.text_or_nil("bundle_sha256", expect.bundle_sha256);
    return bytes_of(buffer);
}

Bytes encode_observe(const Observation& observation) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    packer.begin("observe", 8, observation.sequence);
    packer.item("episode", observation.episode);
    packer.item("seed", observation.seed);
    packer.pack("observation");
    packer.array(observation.entries);
    packer.item("observation_age_us", observation.age_us);
    packer.item("deadline_us", observation.deadline_us);
    return bytes_of(buffer);
}

Bytes encode_engage(Sequence sequence) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    packer.begin("engage", 4, sequence);
    packer.item("action", "engage");
    return bytes_of(buffer);
}

Bytes encode_bye(Sequence sequence) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    packer.begin("bye", 3, sequence);
    return bytes_of(buffer);
}

Reply decode(const char* data, std::size_t size) {
    msgpack::object_handle handle;
    try {
        handle = msgpack::unpack(data, size);
    } catch (const msgpack::unpack_error&) {
        throw BadMessage("bytes that are no MessagePack");
    }
    const Reader reader(handle.get());
    if (const int version = reader.get<int>("version"); version != kVersion)
        throw BadMessage("protocol version " + std::to_string(version) + ", this client speaks " +
                         std::to_string(kVersion));
    const auto type = reader.get<std::string>("type");
    if (type == "welcome") return read_welcome(reader);
    if (type == "act") return read_act(reader);
    if (type == "error") return read_error(reader);
    if (type == "engagement")
        return Engagement{reader.get<Sequence>("sequence"), reader.get<std::string>("state"),
                          reader.get<std::string>("reason")};
    throw BadMessage("a message of type '" + type + "'");
}
