#include "thrift_answers.h"

namespace elves::bench {
namespace {

constexpr char kStop = 0, kBool = 2, kI32 = 8, kString = 11, kStruct = 12, kList = 15;

// Reads forward through a message; reading beyond its end makes it bad() and answers zeros.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  std::uint32_t number() {
    const auto at = take(4);
    std::uint32_t value = 0;
    for (const char byte : at) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  char byte() {
    const auto at = take(1);
    return at.empty() ? kStop : at[0];
  }
  std::string_view take(std::size_t bytes) {
    if (text_.size() - position_ < bytes) {
      bad_ = true;
      position_ = text_.size();
      return {};
    }
    const auto taken = text_.substr(position_, bytes);
    position_ += bytes;
    return taken;
  }
  // A struct of numbers, flags and texts, to its stop byte.
  std::string_view flat_struct() {
    const auto begin = position_;
    while (const char type = byte()) {
      take(2);
      if (type == kString) {
        take(number());
      } else {
        bad_ = bad_ || (type != kI32 && type != kBool);
        take(type == kI32 ? 4 : 1);
      }
    }
    return text_.substr(begin, position_ - begin);
  }
  std::string_view between(std::size_t begin) const { return text_.substr(begin, position_ - begin); }
  std::size_t position() const { return position_; }
  bool bad() const { return bad_; }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
  bool bad_ = false;
};

void put_number(std::string& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift);
}

void put_field(std::string& out, char type, char id) {
  out += type;
  out += '\0';
  out += id;
}

void put_reinstruct(std::string& out, std::string_view instruction, std::string_view result) {
  put_field(out, kStruct, 1);
  out += instruction;
  put_field(out, kI32, 3);
  put_number(out, 1);
  put_field(out, kI32, 4);
  put_number(out, 0);
  put_field(out, kString, 5);
  put_number(out, static_cast<std::uint32_t>(result.size()));
  out += result;
  out += kStop;
}

}  // namespace

std::optional<AgentCall> read_call(std::string_view message) {
  Cursor in(message);
  AgentCall call;
  in.take(4);  // version and type
  const auto begin = in.position();
  const auto name = in.take(in.number());
  in.take(4);  // sequence
  call.name_and_sequence = in.between(begin);
  call.synchronous = name == "instructionInvokeSync";
  if (!call.synchronous && name != "instructionInvokeAsync") return std::nullopt;
  const char type = in.byte();
  in.take(2);
  std::uint32_t count = 1;
  if (!call.synchronous) {
    in.take(1);
    count = in.number();
  }
  if (type != (call.synchronous ? kStruct : kList)) return std::nullopt;
  for (std::uint32_t i = 0; i < count && !in.bad(); ++i) call.instructions.push_back(in.flat_struct());
  return in.bad() ? std::nullopt : std::optional(std::move(call));
}

std::string write_answer(const AgentCall& call, std::string_view result) {
  std::string out;
  put_number(out, 0x80010002);
  out += call.name_and_sequence;
  if (call.synchronous) {
    put_field(out, kStruct, 0);
    put_reinstruct(out, call.instructions.front(), result);
  } else {
    put_field(out, kList, 0);
    out += kStruct;
    put_number(out, static_cast<std::uint32_t>(call.instructions.size()));
    for (const auto instruction : call.instructions) put_reinstruct(out, instruction, {});
  }
  out += kStop;
  return out;
}

std::string write_data_transport(std::string_view instruction, std::string_view result) {
  constexpr std::string_view kName = "dataTransport";
  std::string out;
  put_number(out, 0x80010001);
  put_number(out, kName.size());
  out += kName;
  put_number(out, 0);
  put_field(out, kStruct, 1);
  put_reinstruct(out, instruction, result);
  out += kStop;
  return out;
}

}  // namespace elves::bench
