"""Write the Cargo.lock of a copy of this crate from versions.lock, with the registry that cargo uses here."""

import re
import subprocess
import sys
from pathlib import Path

crate = Path(sys.argv[1])
subprocess.run(["cargo", "generate-lockfile", "--quiet", "--manifest-path", crate / "Cargo.toml"], check=True)
lock = crate / "Cargo.lock"
(source, *_) = re.findall(r"^source = .*\n", lock.read_text(encoding="utf-8"), re.MULTILINE)
versions = Path(__file__).with_name("versions.lock").read_text(encoding="utf-8")
lock.write_text(versions.replace("checksum = ", f"{source}checksum = "), encoding="utf-8")
