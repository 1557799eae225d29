"""Last stage: writes models/manifest.toml, the list of the bundles with the hash of every file."""

import tomllib

from training.bundles import BUNDLES
from training.calibrate import FILES, sha256
from training.settings import MODELS


def main() -> None:
    blocks = ["# Written by models/training/manifest.py.\n"]
    for name in BUNDLES:
        folder = MODELS / name
        card = tomllib.loads((folder / "fenzhen.toml").read_text(encoding="utf-8"))
        lines = ["[[bundle]]", *(f'{key} = "{card[key]}"' for key in ("name", "version", "task"))]
        lines += [f'path = "{name}"', "", "[bundle.sha256]"]
        lines += [f'"{file}" = "{sha256(folder / file)}"' for file in (*FILES, "fenzhen.toml", "README.md")]
        blocks.append("\n".join(lines) + "\n")
    (MODELS / "manifest.toml").write_text("\n".join(blocks), encoding="utf-8")
    print(f"manifest.toml lists {len(BUNDLES)} bundles")


if __name__ == "__main__":
    main()
