# shellcheck shell=bash
# Shared by the CI scripts: paths of the cache, and the output of steps. Source it; it changes nothing by itself.

CI_CACHE=${PANNIER_CI_CACHE:-$HOME/.cache/pannier-ci}
CI_TOOLS=$CI_CACHE/tools/bin
CI_JOB_GUARD=$CI_CACHE/job-guard/bin/gitlab-job-guard
CI_NODE=$CI_CACHE/node/node_modules/.bin
CI_RENOVATE=$CI_CACHE/renovate/node_modules
CI_ROOTS=$CI_CACHE/roots
export CI_CACHE CI_TOOLS CI_JOB_GUARD CI_NODE CI_RENOVATE CI_ROOTS

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step TITLE COMMAND…: runs the command under a heading and prints how long it took. Do not call it before `||` or in a condition: the
# command may be a function, and `set -e` has no effect inside a function there.
step() {
    local start=$SECONDS
    CI_STEP=$1
    shift
    printf '\n==> %s\n' "$CI_STEP"
    "$@"
    printf '<== %s: %d s\n' "$CI_STEP" "$((SECONDS - start))"
    CI_STEP=
}

# report_end: for `trap report_end EXIT`; prints the step that failed.
report_end() {
    local code=$?
    [ "$code" = 0 ] || printf '\nFAILED (exit %d) in the step: %s\n' "$code" "${CI_STEP:-none}" >&2
}
