#!/bin/sh
# Makes sure that what the build needs is there: a C compiler (SQLite is built from source), git (tests
# copy what it tracks), curl and openssl (the examples), the Rust toolchain with rustfmt and clippy, and Schemathesis (it tests
# the API against its document). And the real servers and clients that tests replicate between: apt packages here,
# Python tools in target/tools/python, npm tools in target/tools/npm. Installs what it can, names the rest.
set -eu

missing=""
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v git >/dev/null 2>&1 || missing="$missing git"
for tool in curl openssl; do
    command -v $tool >/dev/null 2>&1 || missing="$missing $tool"
done
# Registries: a server, and three clients that push and pull.
for tool in docker-registry skopeo buildah podman; do
    command -v $tool >/dev/null 2>&1 || missing="$missing $tool"
done
# A browser, and what drives it, for the console.
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
# A web server that takes files (WebDAV), and Maven with what deploys to and resolves from one.
[ -e /usr/lib/nginx/modules/ngx_http_dav_ext_module.so ] || missing="$missing nginx-light libnginx-mod-http-dav-ext"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"
[ -e /usr/share/maven-repo/commons-cli/commons-cli/1.5.0 ] || missing="$missing libcommons-cli-java"
for plugin in deploy jar; do
    [ -e /usr/share/maven-repo/org/apache/maven/plugins/maven-$plugin-plugin ] ||
        missing="$missing libmaven-$plugin-plugin-java"
done
# Packages for Node: its client, and a server written for it.
for tool in node npm; do
    command -v $tool >/dev/null 2>&1 || missing="$missing nodejs npm"
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3 python3-venv"
if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    else
        echo "please install:$missing" >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "please install the Rust toolchain (https://rustup.rs)" >&2
    exit 1
fi
for component in rustfmt clippy; do
    case $component in rustfmt) tool=fmt ;; *) tool=clippy ;; esac
    cargo $tool --version >/dev/null 2>&1 && continue
    command -v rustup >/dev/null 2>&1 || { echo "please install $component" >&2; exit 1; }
    rustup component add $component
done

schemathesis=4.32.5
tools="${CARGO_TARGET_DIR:-target}/tools/schemathesis"
case $("$tools/bin/schemathesis" --version 2>/dev/null) in
*" $schemathesis") ;;
*)
    echo "installing Schemathesis $schemathesis into $tools"
    python3 -m venv "$tools"
    "$tools/bin/python3" -m pip install --quiet --disable-pip-version-check "schemathesis==$schemathesis"
    ;;
esac

# Servers written in Python, in one environment: name, version, each as the package index knows it.
python_tools="wsgidav==4.3.4 cheroot==11.1.2 moto[server]==5.2.5 pypiserver==2.4.2 devpi-server==6.20.3 twine==7.0.0 oras==0.2.43"
tools="${CARGO_TARGET_DIR:-target}/tools/python"
if [ "$(cat "$tools/installed" 2>/dev/null)" != "$python_tools" ]; then
    echo "installing $python_tools into $tools"
    python3 -m venv "$tools"
    # shellcheck disable=SC2086
    "$tools/bin/python3" -m pip install --quiet --disable-pip-version-check $python_tools
    echo "$python_tools" >"$tools/installed"
fi

# Small packages that real projects published, as wheels and as a source distribution.
python_packages="six==1.17.0 packaging==24.2"
if [ "$(cat "$tools/packages/downloaded" 2>/dev/null)" != "$python_packages" ]; then
    echo "downloading $python_packages into $tools/packages"
    # shellcheck disable=SC2086
    "$tools/bin/python3" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tools/packages" $python_packages
    "$tools/bin/python3" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary six \
        --dest "$tools/packages" "${python_packages%% *}"
    echo "$python_packages" >"$tools/packages/downloaded"
fi

# Servers written for Node, what drives the browser and what looks at its pages, in one folder. A newer verdaccio wants a newer Node than Debian's; the override is what
# it names by a tag.
node_tools='{"private":true,"dependencies":{"verdaccio":"5.33.0","playwright-core":"1.65.1","axe-core":"4.14.1"},"overrides":{"node-fetch":"2.6.7"}}'
tools="${CARGO_TARGET_DIR:-target}/tools/npm"
if [ "$(cat "$tools/installed" 2>/dev/null)" != "$node_tools" ]; then
    echo "installing $node_tools into $tools"
    mkdir -p "$tools"
    echo "$node_tools" >"$tools/package.json"
    (cd "$tools" && npm install --silent --no-audit --no-fund --ignore-scripts)
    echo "$node_tools" >"$tools/installed"
fi
