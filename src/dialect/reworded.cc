#include "dialect/reworded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>
#include <vector>

#include "dialect/error_text.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

constexpr auto kLongTexts = std::to_array<std::string_view>(
    {"worker_message", "param", "proxy", "error", "agent_sync_error", "processor_sync_error", "mqerror"});

constexpr std::size_t kNotLong = 256;  // to cut these would gain nothing

// A text and the object that it is a member of.
struct Place {
  json::object* object;
  std::string_view key;

  json::string& text() const { return object->at(key).as_string(); }
};

json::object* member(json::object& of, std::string_view key) {
  json::value* found = of.if_contains(key);
  return found != nullptr ? found->if_object() : nullptr;
}

// The objects of a message of either envelope that hold texts.
std::vector<json::object*> objects(json::object& message) {
  std::vector<json::object*> found{&message};
  if (auto* data = member(message, "data")) found.push_back(data);
  if (auto* body = member(message, "mqbody")) {
    found.push_back(body);
    if (auto* result = member(*body, "result")) found.push_back(result);
  }
  return found;
}

std::vector<Place> long_texts(json::object& message) {
  std::vector<Place> places;
  for (json::object* object : objects(message)) {
    for (const std::string_view key : kLongTexts) {
      const json::value* value = object->if_contains(key);
      if (value != nullptr && value->is_string()) places.push_back({object, key});
    }
  }
  return places;
}

// Bytes that the character at `at` takes in JSON, and in the text.
std::pair<std::size_t, std::size_t> sizes_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (std::string_view("\"\\\b\f\n\r\t").find(text[at]) != std::string_view::npos) return {2, 1};
  if (lead < 0x20) return {6, 1};
  std::size_t length = 1;
  while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0U) == 0x80U)
    ++length;
  return {length, length};
}

std::size_t size_in_json(std::string_view text) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [in_json, in_text] = sizes_at(text, at);
    size += in_json;
    at += in_text;
  }
  return size;
}

std::string_view cut(std::string_view text, std::size_t most_in_json) {
  std::size_t size = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto [in_json, in_text] = sizes_at(text, at);
    if (size + in_json > most_in_json) break;
    size += in_json;
    at += in_text;
  }
  return text.substr(0, at);
}

// Takes at least `excess` bytes out of the message, if the text has so many.
void shorten(const Place& place, std::size_t excess) {
  const std::size_t before = place.text().size();
  const std::string mark = fmt::format(" [cut: {} bytes were too many for the broker]", before);
  const std::string member = std::string(place.key) + "_bytes";
  excess += mark.size() + member.size() + 32;
  const std::size_t size = size_in_json(place.text());
  const std::string kept(cut(place.text(), size > excess ? size - excess : 0));
  place.text() = kept + mark;
  place.object->insert_or_assign(member, before);
}

}  // namespace

std::optional<std::string> shortened(std::string_view message, std::size_t most) {
  json::value parsed = json::parse(message);
  std::vector<Place> places = long_texts(parsed.as_object());
  std::ranges::sort(places, std::greater{}, [](const Place& place) { return place.text().size(); });
  std::string text = json::serialize(parsed);
  for (auto place = places.begin(); place != places.end() && text.size() > most; ++place) {
    if (place->text().size() < kNotLong) break;
    shorten(*place, text.size() - most);
    text = json::serialize(parsed);
  }
  if (text.size() > most) return std::nullopt;
  return text;
}

std::string as_failed(std::string_view message, const Error& error) {
  json::value parsed = json::parse(message);
  json::object& whole = parsed.as_object();
  const std::string text = error_text(error, false);
  for (const Place& place : long_texts(whole)) {
    if (place.key != "mqerror") place.text().clear();
  }
  if (auto* data = member(whole, "data")) {
    data->insert_or_assign("error", text);
    data->insert_or_assign("result_flag", 0);
  }
  if (auto* body = member(whole, "mqbody")) {
    body->insert_or_assign("flag", "false");
    body->insert_or_assign("error", text);
    if (auto* result = member(*body, "result")) {
      const json::value id = result->contains("id") ? result->at("id") : json::value();
      *result = {{"id", id}};
    }
  }
  return json::serialize(parsed);
}

}  // namespace elves::dialect
