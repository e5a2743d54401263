#!/bin/sh
# usage: lock.sh UV — resolves the four locks: the base install, the server, the agent, and development.
set -eu
compile() {
	lock=$1
	shift
	"$uv" pip compile pyproject.toml "$@" --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file "$lock"
}
uv=$1
compile requirements.lock
compile requirements-server.lock --extra server --extra embedded --extra agent --extra build
compile requirements-agent.lock --extra agent
compile requirements-dev.lock --extra server --extra embedded --extra build --extra agent --extra dev
