# ./control pack: the release archive. Its files are those that git has of the commit, never those that happen to lie here.
# shellcheck shell=bash

pack_paths=(conf sdk apps docs scripts control LICENSE ':(glob)*.md')
pack_git=() # git, set upon the repository that holds what is packed
pack_tree=  # the commit or tree of it
pack_scratch=

command_pack() {
  need_sources pack
  local as_it_is=0
  case ${1-} in
    '') ;;
    --as-it-is) as_it_is=1 ;;
    *) usage_error "pack: unknown option $1" ;;
  esac
  need_packages git "${build_packages[@]}"
  pack_scratch=$(mktemp -d "${TMPDIR:-/tmp}/elves-pack-XXXXXX")
  trap 'rm -rf "$pack_scratch"' EXIT
  if [[ -e .git ]]; then pack_clone; else pack_source_archive "$as_it_is"; fi
  build_programs
  pack_archive
}

# A clone of this repository: what is packed is its commit. What has changed since is told.
pack_clone() {
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  pack_git=(git --no-optional-locks)
  local changed
  pack_tree=$("${pack_git[@]}" rev-parse --verify 'HEAD^{commit}') || fail "git cannot say which commit this is, see above"
  changed=$("${pack_git[@]}" status --porcelain --untracked-files=all -- "${pack_paths[@]}")
  [[ -z $changed ]] ||
    note "Packed as commit ${pack_tree:0:12} has them; these changes and files of yours stay out:"$'\n'"$changed"
  changed=$("${pack_git[@]}" status --porcelain -- src idl cmake CMakeLists.txt CMakePresets.json)
  [[ -z $changed ]] ||
    note "The programs are built with changed sources, and their --version says so:"$'\n'"$changed"
}

# A source archive that git made knows what its files came to together. They are put into a repository of their own, to see
# whether they still do.
pack_source_archive() {
  local as_it_is=$1 commit tree name
  read -r commit tree <cmake/commit.txt
  pack_git=(env -u GIT_INDEX_FILE git --git-dir="$pack_scratch/git" --work-tree="$PWD" -c core.excludesFile=/dev/null
    -c core.autocrlf=false)
  "${pack_git[@]}" init -q
  "${pack_git[@]}" add -A .
  # The archive has the names of commit and tree where the repository has the place for them.
  # shellcheck disable=SC2016
  name=$(printf '$Format:%%H %%T$\n' | "${pack_git[@]}" hash-object -w --stdin)
  "${pack_git[@]}" update-index --cacheinfo "100644,$name,cmake/commit.txt"
  pack_tree=$("${pack_git[@]}" write-tree)
  if [[ $pack_tree == "$tree" ]]; then
    note "This is no git clone, but the files are those of commit ${commit:0:12}"
  elif ((as_it_is)); then
    note "This is no git clone, and nobody can tell your files from those of elves-scheduler: all of these are packed:"
    "${pack_git[@]}" ls-files -- "${pack_paths[@]}"
  else
    fail "this is no git clone, and files were changed or added since it was unpacked: a password in conf/conf.properties, an \
app of your own? Pack from a clone, or from sources unpacked anew; './control pack --as-it-is' packs and lists what is here"
  fi
}

# The Debian packages that hold the shared libraries the programs load.
runtime_packages() {
  local library
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do
    # With a merged /usr the loader may find a file under a name that dpkg does not know it by.
    dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "${library#/usr}" 2>/dev/null || dpkg-query -S "/usr$library"
  done | sed 's/:.*//' | sort -u
}

# dist/NAME.tar.gz, which unpacks to the folder elves-scheduler, and its checksum.
pack_archive() {
  local name tree=$pack_scratch/elves-scheduler program
  name="elves-scheduler-$(source_version)-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m).tar.gz"
  mkdir -p "$tree/bin" dist
  "${pack_git[@]}" archive --format=tar "$pack_tree" -- "${pack_paths[@]}" | tar -C "$tree" -xf -
  for program in "${programs[@]}"; do
    strip -o "$tree/bin/$program" "$(bin_folder)/$program"
  done
  runtime_packages "$tree"/bin/* >"$tree/runtime-packages"
  tar -C "$pack_scratch" --owner=0 --group=0 --mode=u=rwX,go=rX --sort=name -czf "dist/$name" elves-scheduler
  (cd dist && sha256sum "$name" >"$name.sha256")
  say "Packed: dist/$name and its checksum dist/$name.sha256"
  say "It holds $("$tree/bin/elves-scheduler" --version)"
}
