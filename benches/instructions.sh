#!/usr/bin/env bash
# Counts the instructions that reading small fixed inputs takes (valgrind's callgrind), against the figures recorded in
# benches/instructions.txt. Times differ from run to run; these do not, but for the seed of the flow table's hash.
#
#   benches/instructions.sh           fails when a count is more than 10 % above its record
#   benches/instructions.sh --record  writes the counts down
#
# Counts belong to a compiler: with another than the record's they are printed and not judged.
#
# WIRELOUPE=PATH and GENERATE=PATH name programs to use instead of building them.
set -euo pipefail
cd "$(dirname "$0")/.."
record=benches/instructions.txt
tolerance=10

command -v valgrind >/dev/null || { echo "valgrind is not installed: nothing was counted"; exit 0; }

if [ -z "${WIRELOUPE:-}" ]; then
  # Not the settings of a release: those take minutes, and what is compared is the code, not the compiler.
  CARGO_PROFILE_RELEASE_LTO=thin CARGO_PROFILE_RELEASE_CODEGEN_UNITS=4 \
    cargo build --quiet --release --no-default-features --features cli --bin wireloupe
  WIRELOUPE=${CARGO_TARGET_DIR:-target}/release/wireloupe
fi
if [ -z "${GENERATE:-}" ]; then
  cargo build --quiet --example generate
  GENERATE=${CARGO_TARGET_DIR:-target}/debug/examples/generate
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# count INPUT SIZE ARGUMENTS... : prints the instructions of one run
count() {
  local capture="$folder/$1-$2.pcap"
  [ -f "$capture" ] || "$GENERATE" "$1" "$2" "$capture" 2>/dev/null
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$WIRELOUPE" read --threads 1 "${@:3}" "$capture" 2>&1 >/dev/null | awk '/Collected :/ { print $4 }'
}

counts() {
  local fields="-e frame.number -e websocket.opcode -e websocket.payload_length"
  # shellcheck disable=SC2086
  echo "small-list $(count small 2MB --format tsv $fields)"
  echo "small-text $(count small 2MB)"
  echo "small-messages $(count small 2MB --show messages --format ndjson)"
  echo "lossy-all $(count lossy 1MB --show all)"
  echo "manyflows-text $(count manyflows 500)"
  echo "deflate-messages $(count deflate 500kB --show messages --format ndjson)"
}

compiler=$(rustc --version)
if [ "${1:-}" = --record ]; then
  { echo "# $compiler"; counts; } | tee "$record"
  exit
fi
recorded=$(sed -n 's/^# //p' "$record")
if [ "$compiler" != "$recorded" ]; then
  echo "recorded with $recorded, so not judged with $compiler:"
  counts
  exit
fi

status=0
while read -r name now; do
  before=$(awk -v name="$name" '$1 == name { print $2 }' "$record")
  percent=$(awk -v now="$now" -v before="${before:-0}" 'BEGIN { printf "%.1f", before ? (now / before - 1) * 100 : 999 }')
  echo "$name: $now instructions, $percent % against the record"
  if awk -v percent="$percent" -v tolerance="$tolerance" 'BEGIN { exit !(percent > tolerance) }'; then
    echo "  more than $tolerance % above: make it cheaper, or record it with a reason (benches/instructions.sh --record)"
    status=1
  fi
done < <(counts)
exit $status
