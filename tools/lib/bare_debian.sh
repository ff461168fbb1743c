# shellcheck shell=bash disable=SC2034,SC2154
# Bare Debian 12 systems in a temporary folder, in namespaces that end with the script. Source it after packages.sh, with a
# function `fail` and one `skip`, which end the script. Then:
#
#   begin_bare_debian NAME FOLDER MIRROR   makes the temporary folder `work` in FOLDER and sets `mirror`; skips where it cannot
#   run_bare FUNCTION                      runs it in the namespaces, and returns its status; what it is to see is exported.
#                                          Within it make_system, copy_system and in_system
#   keep=yes                               leaves the folder when the script ends

# The mirror that apt takes Debian 12 from, in either format of its sources.
mirror_of_apt() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
        awk '$1 == "URIs:" { uri = $2 }
            $1 == "Suites:" && / bookworm( |$)/ { print uri }
            $1 == "deb" { for (i = 2; i < NF; i++) if ($i ~ "://" && $(i + 1) == "bookworm") print $i }' | sed -n 1p
}

# Proxies of apt, which it and debootstrap are given inside.
proxies_of_apt() {
    apt-config dump 2>/dev/null | grep -iE '^Acquire::(http|https)::([^ ]*::)?Proxy ' || true
}

can_reach() {
    local answer=$work/answer
    if [ -x /usr/lib/apt/apt-helper ]; then
        /usr/lib/apt/apt-helper -o Acquire::Retries=2 download-file "$1/dists/bookworm/Release" "$answer"
    else
        wget -q -O "$answer" "$1/dists/bookworm/Release"
    fi >"$work/reach.log" 2>&1
}

clean_up_bare() {
    if [ -n "$namespace" ]; then
        kill -KILL "$namespace" 2>/dev/null || true
        wait "$namespace" 2>/dev/null || true
    fi
    if [ "${keep-}" ]; then
        echo "the systems are in $work"
    else
        rm -rf --one-file-system "$work"
    fi
}

begin_bare_debian() {
    [ "$(id -u)" -eq 0 ] || skip "it takes root"
    want_packages "debootstrap:debootstrap" "git:git"
    command -v debootstrap >/dev/null || skip "there is no debootstrap"
    git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || skip "this folder is no git repository"
    unshare --mount --pid --fork true 2>/dev/null || skip "mount namespaces are not allowed here"

    work=$(mktemp -d "$2/varlen-$1.XXXXXX")
    namespace=
    trap clean_up_bare EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    mirror=${3:-$(mirror_of_apt)}
    mirror=${mirror:-http://deb.debian.org/debian}
    proxies_of_apt >"$work/proxies"
    can_reach "$mirror" || skip "$mirror does not answer: $(tail -n 3 "$work/reach.log")"
}

# A signal ends the wait; clean_up_bare then kills what runs in the namespace, and its mounts are gone with it.
run_bare() {
    local status=0
    export work mirror
    export -f make_system copy_system enter_system in_system timed fail
    # shellcheck disable=SC2163
    export -f "$1"
    unshare --mount --pid --fork --mount-proc --kill-child bash -euo pipefail -c "$1" &
    namespace=$!
    wait "$namespace" || status=1
    namespace=
    return $status
}

# What is mounted here is gone with the namespace's last process.
enter_system() {
    local root=$1
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    [ -c "$root/dev/null" ] || mount --rbind /dev "$root/dev"
    mountpoint -q "$root/dev/pts" || mount -t devpts devpts "$root/dev/pts" || true # for apt's log alone
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp "$work/proxies" "$root/etc/apt/apt.conf.d/90proxies"
    if [[ $mirror == https:* ]]; then # minbase knows no authorities
        mkdir -p "$root/etc/ssl/certs"
        cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    fi
}

# make_system FOLDER: a bare Debian.
make_system() {
    local proxy
    proxy=$(sed -nE 's/^Acquire::http::Proxy "(.*)";$/\1/p' "$work/proxies")
    http_proxy=${proxy:-${http_proxy-}} debootstrap --variant=minbase bookworm "$1" "$mirror" >"$work/debootstrap.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 20 "$work/debootstrap.log" "$1/debootstrap/debootstrap.log" 2>/dev/null)"
}

# copy_system FROM TO: another, of one that has not been entered.
copy_system() {
    cp -a "$1" "$2"
}

# in_system FOLDER COMMAND...: as root in /root, with nothing of this machine's environment but what apt needs.
in_system() {
    local root=$1 proxy
    shift
    proxy=$(sed -nE 's/^Acquire::http::Proxy "(.*)";$/\1/p' "$work/proxies")
    proxy=${proxy:-${http_proxy-}}
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        ${proxy:+http_proxy="$proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} \
        chroot "$root" sh -c 'cd /root && exec "$@"' sh "$@"
}

# timed NAME COMMAND...: runs it, and keeps how long it took, also when it fails.
timed() {
    local name=$1 started=$SECONDS status
    shift
    echo "== $name"
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    printf '%-18s %5d s\n' "$name" $((SECONDS - started)) >>"$work/times"
    return $status
}
