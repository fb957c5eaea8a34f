#include "journal/file_watch.h"

#include <utility>

namespace elves::journal {

FileWatch::FileWatch(std::string path)
    : path_(std::move(path)), logs_{path_ + "-wal", path_ + "-shm"}, file_(look(path_)) {}

void FileWatch::begin() {
  file_ = look(path_);
  renew_logs();
}

void FileWatch::renew_logs() {
  for (std::size_t i = 0; i < logs_.size(); ++i) log_files_[i] = look(logs_[i]);
}

void FileWatch::check() {
  const Status now = look(path_);
  if (!now) throw FileLost("its file was removed");
  if (!same(now, file_)) throw FileLost("its file was replaced by another");
  if (now->st_size < file_->st_size) throw FileLost("its file was cut off");
  file_ = now;
}

void FileWatch::check_logs() const {
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    if (!same(look(logs_[i]), log_files_[i])) throw std::runtime_error(logs_[i] + " was removed or replaced");
  }
}

FileWatch::Status FileWatch::look(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool FileWatch::same(const Status& left, const Status& right) {
  return left && right && left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

}  // namespace elves::journal
