#!/usr/bin/env bash
# The samples that build varlen as a part of themselves, in a folder with spaces, by a user without rights: sources_test.sh
# SOURCE BUILD
source=$1 build=$2
source "$source/tests/install/outside_project.sh"
source "$source/tests/install/unprivileged.sh"

make_folder
archive=$folder/varlen.tar.gz
parts=(CMakeLists.txt LICENSE README.md backends cmake core include)
tar -C "$source" -czf "$archive" --transform 's,^,varlen/,' "${parts[@]}"
tar -C "$folder" -xzf "$archive" --no-same-owner
printed="0 0.5 2 2.5 3 5"

# The library alone is built here, and finds the plugin of the build.
mkdir "$folder/plugins"
cp "$build/lib/varlen/varlen-cpu.so" "$folder/plugins"
built_by_cmake consumers/add_subdirectory engine gcc -DVARLEN_SOURCE="$folder/varlen"
expect "add_subdirectory" "$printed" "$(unprivileged env VARLEN_BACKEND_PATH="$folder/plugins" build/engine)"

# From an archive, with the CPU backend inside libvarlen.
read -r compiler _ <<<"$(compilers_here clang gcc | tr '\n' ' ')"
built_by_cmake consumers/fetch_content engine "$compiler" -DVARLEN_ARCHIVE="$archive" -DVARLEN_STATIC_CPU=ON
expect "fetch_content with $compiler" "$printed" "$(unprivileged build/engine)"
expect "plugins beside it" "" "$(find "$folder/work" -name 'varlen-*.so')"
