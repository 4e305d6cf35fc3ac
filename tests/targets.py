"""Whether the crates compile for systems that these tests do not run on."""
from running import ROOT, has_target, run

SYSTEMS = {"macOS": "aarch64-apple-darwin", "Windows": "x86_64-pc-windows-gnu"}


def install(target):
    """Whether the target is there; installs it where it is not."""
    if not has_target(target):
        run(f"install {target}", f"rustup target add {target}")
    return has_target(target)


def check(target):
    """`cargo check` builds no object of ours, so the C parts of dependencies need no cross compiler: true stands in."""
    stand_in = {f"{tool}_{target.replace('-', '_')}": str(ROOT / "tests/stand-in-cc") for tool in ("CC", "CXX", "AR")}
    command = f"cargo check -p tokenway -p tokenway-cli --features tokenway/redis --target {target}"
    return run(f"check {target}", command, **stand_in)[0] == 0
