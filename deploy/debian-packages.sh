#!/usr/bin/env bash
# Installs the Debian packages named on the command line that are missing, as root or by sudo.
# Says what it installs, and keeps their services from being started or enabled.
set -euo pipefail

missing=()
for package in "$@"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "wayside: please install what these Debian packages hold: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "wayside: neither root nor sudo; please have installed: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "wayside: installing Debian packages: ${missing[*]} (their services are not started)"
ours=()
trap '[ ${#ours[@]} -eq 0 ] || "${as_root[@]}" rm -f "${ours[@]}"' EXIT
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  ours+=("$policy")
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
  # Its scripts would make a cluster, to be started with the machine.
  clusters=/etc/postgresql-common/createcluster.d
  ours+=("$clusters/wayside.conf")
  "${as_root[@]}" mkdir -p "$clusters"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$clusters/wayside.conf" >/dev/null
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
if command -v systemctl >/dev/null; then
  for package in "${missing[@]}"; do
    for unit in "$package.service" "$package.socket"; do
      "${as_root[@]}" systemctl disable --quiet "$unit" 2>/dev/null || true
    done
  done
fi
