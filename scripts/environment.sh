# Sourced by demo.sh and test.sh: makes .venv if there is none and installs what the caller asks for.
# install <extra or ""> <what it is for>

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
python="$root/.venv/bin/python"

if [ ! -L lead_xb/adapters ]; then
  echo "lead_xb/adapters is not a symbolic link: this tree was unpacked by a tool that drops links." >&2
  echo "Use 'git clone' or 'tar'." >&2
  exit 2
fi

make_venv() {
  [ -x "$python" ] && return
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --seed --python ">=3.11" .venv
  else
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
      if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        "$candidate" -m venv .venv && return
      fi
    done
    echo "Python 3.11 or newer is needed; found: $(python3 --version 2>&1 || echo none)" >&2
    exit 2
  fi
}

install() {
  local extra="$1" stamp
  make_venv
  # The stamp holds what was installed: a change of pyproject.toml installs again, nothing else does.
  stamp=".venv/.installed-${extra:-base}"
  if [ -f "$stamp" ] && cmp -s pyproject.toml "$stamp"; then
    return
  fi
  echo "Installing $2 into .venv ..."
  local target="."
  [ -n "$extra" ] && target=".[$extra]"
  if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$python" --editable "$target"
  else
    "$python" -m pip install --quiet --disable-pip-version-check --editable "$target" 2> >(grep -v "WARNING" >&2 || true)
  fi
  cp pyproject.toml "$stamp"
}
