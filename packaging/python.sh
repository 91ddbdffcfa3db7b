#!/bin/sh
# python.sh NAME: the interpreter that NAME stands for. NAME itself where it runs; else the newest of that name that
# pyenv holds, whose shim refuses all versions but the chosen ones.
name=$1
if "$name" -c '' 2>/dev/null; then
  echo "$name"
  exit
fi
for root in "$(pyenv root 2>/dev/null)" "$PYENV_ROOT" "$HOME/.pyenv"; do
  [ -n "$root" ] || continue
  found=$(ls -d "$root"/versions/*/bin/"$name" 2>/dev/null | sort -V | tail -n 1)
  if [ -n "$found" ] && "$found" -c '' 2>/dev/null; then
    echo "$found"
    exit
  fi
done
echo "error: there is no $name here that runs: name one with PYTHON=..." >&2
exit 1
