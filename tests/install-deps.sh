#!/bin/sh
# Fetches what the tests want and the machine lacks: tcl, Debian's redis-server (the oracle) and redis-tools, and
# redis-py. Only where that is possible (root and apt-get; pip); what stays missing makes the tests that need it
# skipped, with the reason. Never fails: that is for the tests to do. Nothing is fetched with TEST_DEPS=no.
set -u
[ "${TEST_DEPS:-yes}" = no ] && exit 0
root=$(dirname "$0")/..

missing=
command -v tclsh >/dev/null || missing="$missing tcl"
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v redis-cli >/dev/null || missing="$missing redis-tools"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing:$missing"
        # The packaged server is only wanted as a program: its service must neither start now nor at the next boot.
        policy=/usr/sbin/policy-rc.d
        ours=no
        if [ ! -e "$policy" ]; then
            ours=yes
            printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } >/dev/null 2>&1 ||
            echo "Could not install:$missing"
        [ $ours = yes ] && rm -f "$policy"
        case $missing in
            *redis-server*)
                if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
                    systemctl disable --now redis-server >/dev/null 2>&1
                elif [ -x /etc/init.d/redis-server ]; then
                    /etc/init.d/redis-server stop >/dev/null 2>&1
                fi
                ;;
        esac
    else
        echo "Not installed, and no root with apt-get to install:$missing (tests that need them are skipped)"
    fi
fi

# redis-py goes into the build folder, not into the system.
if command -v python3 >/dev/null && ! PYTHONPATH="$root/target/python" python3 -c 'import redis' 2>/dev/null; then
    if python3 -m pip --version >/dev/null 2>&1; then
        echo "Installing redis-py into target/python"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
            --target "$root/target/python" redis >/dev/null 2>&1 || echo "Could not install redis-py"
    else
        echo "redis-py is not there, nor pip to install it (the test that needs it is skipped)"
    fi
fi
exit 0
