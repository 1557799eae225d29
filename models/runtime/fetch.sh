#!/bin/sh
# Puts libonnxruntime.so into TARGET_DIR, where `fenzhen` looks for it (beside the executable).
#
# The library comes out of the pinned Python wheel: Debian has no package of it, and the builds offered elsewhere need
# a newer glibc than ours. Python is used to download and to unzip, nothing of the wheel is installed.
# Runs again without effect when the right library is already there.
set -eu

version=1.31.1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "fetch.sh: $1" >&2
    exit 1
}

[ $# -eq 1 ] || { echo "usage: fetch.sh TARGET_DIR" >&2; exit 2; }
target_dir=$1
target=$target_dir/libonnxruntime.so

[ "$(uname -s)" = Linux ] || fail "only Linux is supported, this is $(uname -s): build or download ONNX Runtime $version and pass its path to fenzhen."
# The sums are of capi/libonnxruntime.so.$version inside the wheels that requirements.txt pins.
case $(uname -m) in
    x86_64 | amd64)
        arch=x86_64
        sha256=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
        ;;
    aarch64 | arm64)
        arch=aarch64
        sha256=8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467
        ;;
    *) fail "no ONNX Runtime $version library is pinned for $(uname -m): only x86_64 and aarch64 are." ;;
esac

sum_of() {
    sha256sum -- "$1" | cut -d ' ' -f 1
}

command -v sha256sum >/dev/null || fail "sha256sum is missing: install coreutils."
if [ -f "$target" ] && [ "$(sum_of "$target")" = "$sha256" ]; then
    exit 0
fi

command -v python3 >/dev/null || fail "python3 is missing: install Python 3.9 or newer with pip."
python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: install it (Debian: apt-get install python3-pip)."
mkdir -p -- "$target_dir" || fail "cannot create $target_dir."
# Work inside the target folder, so that the final mv is a rename on one file system and therefore atomic.
work=$(mktemp -d "$target_dir/.onnxruntime.XXXXXX") || fail "cannot write to $target_dir."
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The tags are spelled out so that any interpreter gets the same wheel, and one hash per architecture is enough.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --python-version 3.11 --implementation cp --abi cp311 --platform "manylinux_2_28_$arch" \
    --dest "$work" --requirement "$here/requirements.txt" \
    || fail "pip could not download onnxruntime $version (see its message above)."

python3 - "$work" "capi/libonnxruntime.so.$version" <<'PYTHON' || fail "the wheel does not hold the library."
import glob, shutil, sys, zipfile

folder, name = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    member = next(m for m in wheel.namelist() if m.endswith(name))
    with wheel.open(member) as source, open(folder + "/library", "wb") as out:
        shutil.copyfileobj(source, out)
PYTHON

found=$(sum_of "$work/library")
[ "$found" = "$sha256" ] || fail "the library in the wheel has sha256 $found instead of $sha256: nothing was installed."
chmod 755 "$work/library"
mv -f -- "$work/library" "$target"
echo "ONNX Runtime $version -> $target" >&2
