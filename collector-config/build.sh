#!/bin/sh
# Build the Collector of builder.yaml (or, with "full", of builder-full.yaml) and print its path.
# Needs only Go. The binary is cached outside the tree and built again when its manifest changes.
set -eu

case "${1:-small}" in
    small) manifest=builder.yaml name=agentsight-otelcol ;;
    full) manifest=builder-full.yaml name=agentsight-otelcol-full ;;
    *) echo "usage: $0 [small|full]" >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
cache=${AGENTSIGHT_COLLECTOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/agentsight-otel/collector}
binary=$cache/$name/$name
stamp=$cache/$name.manifest

if [ -x "$binary" ] && cmp -s "$here/$manifest" "$stamp"; then
    echo "$binary"
    exit 0
fi

command -v go >/dev/null || { echo "$0: Go is needed to build the Collector" >&2; exit 1; }
mkdir -p "$cache/bin"
export GOTOOLCHAIN=local CGO_ENABLED=0
version=$(sed -n 's/^  version: //p' "$here/$manifest")
builder=$cache/bin/builder-v$version
if [ ! -x "$builder" ]; then
    GOBIN=$cache/bin go install "go.opentelemetry.io/collector/cmd/builder@v$version" >&2
    mv "$cache/bin/builder" "$builder"
fi
(cd "$cache" && "$builder" --config="$here/$manifest" --ldflags="-s -w") >&2
cp "$here/$manifest" "$stamp"
echo "$binary"
