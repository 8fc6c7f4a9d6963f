#!/usr/bin/env bash
# Finds the Python to judge, and a gpu-parity of this checkout's version for it. Where there is none, it is installed into
# a folder of its own below RUNNER_TEMP, never into that Python: what is measured stays as it is.
#
# Nothing of the repository that is judged is read or run here: Python starts isolated (-I: no current folder, no
# PYTHONPATH; -E, where packages of the user's own folder count: no PYTHONPATH) and installers start in an empty folder, away from settings that a pull request may bring.
set -euo pipefail

escaped() { # text -> message of a workflow command
  local text="${1//'%'/%25}"
  text="${text//$'\r'/%0D}"
  printf '%s' "${text//$'\n'/%0A}"
}

fail() { # what happened, the mend
  printf '::error title=parity%%3A the gate could not run::%s%%0Amend: %s\n' "$(escaped "$1")" "$(escaped "$2")"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    # Indented lines are shown as they are, whatever they hold.
    printf '### parity: the gate could not run\n\n%s\n' "$(printf '%s\nmend: %s' "$1" "$2" | sed 's/^/    /')" >> "$GITHUB_STEP_SUMMARY"
  fi
  exit 2
}

find_python() { # sets python
  local name
  if [ -n "${PARITY_INPUT_PYTHON:-}" ]; then
    set -- "$PARITY_INPUT_PYTHON"
  else
    set -- python python3
  fi
  for name in "$@"; do
    python="$(command -v -- "$name" || true)"
    case "$python" in
      '') ;;
      *$'\n'*) fail "input python: a path of several lines" "give one path or command" ;;
      /*) return ;;
      */*) python="$PWD/$python"; return ;;
      *) python='' ;; # an alias, function or keyword of this shell
    esac
  done
  fail "input python: there is no program called $(printf '%s, ' "$@" | sed 's/, $//')" \
    "set up a Python in a step before, or name the one with your torch"
}

is_usable() { # folder of packages or nothing -> whether the gate of this version starts
  PARITY_PACKAGES="$1" "$python" "$isolated" "$GITHUB_ACTION_PATH/action/gate.py" --check 2> "$scratch/why"
}

install_into() { # folder
  local common=(--quiet --disable-pip-version-check --no-input --target "$1" "$GITHUB_ACTION_PATH")
  cd "$scratch"
  if "$python" -I -m pip --version > /dev/null 2>&1; then
    "$python" -I -m pip install "${common[@]}"
  elif command -v uv > /dev/null; then
    uv pip install --quiet --python "$python" --target "$1" "$GITHUB_ACTION_PATH"
  else
    "$python" -I -m venv "$scratch/tools"
    "$scratch/tools/bin/python" -I -m pip install "${common[@]}"
  fi
}

find_python
# It must say so itself: a program that is no Python may well end with status 0.
told="$("$python" -I -c 'import sys; print("new" + ["", " enough"][sys.version_info >= (3, 10)])' 2> /dev/null || true)"
[ "$told" = "new enough" ] ||
  fail "input python: $python is no Python 3.10 or newer" "name another one"
isolated=-E
if [ "${PARITY_INPUT_MODE:-}" = lint ]; then isolated=-I; fi
scratch="$(mktemp -d "${RUNNER_TEMP:-/tmp}/parity-setup-XXXXXX")"
# Steps of one job share it; another Python or another checkout of this action has its own.
packages="${RUNNER_TEMP:-/tmp}/parity-packages-$(printf '%s\n%s' "$python" "$GITHUB_ACTION_PATH" | cksum | cut -d ' ' -f 1)"

if is_usable ''; then
  packages=''
  echo "gpu-parity: the one that is installed in $python"
elif is_usable "$packages"; then
  echo "gpu-parity: the one in $packages"
else
  echo "gpu-parity: installing $GITHUB_ACTION_PATH into $packages for $python"
  if ! { (install_into "$packages") > "$scratch/log" 2>&1 && is_usable "$packages"; }; then
    fail "gpu-parity could not be installed: $(tail -n 5 "$scratch/log" "$scratch/why" | tr -d '\r')" \
      "let the runner reach a package index (PIP_INDEX_URL), or install gpu-parity into $python"
  fi
fi
printf 'python=%s\npackages=%s\n' "$python" "$packages" >> "$GITHUB_OUTPUT"
