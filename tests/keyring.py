"""What the keyring's tests need: D-Bus and gnome-keyring. Each test starts its own, with a home that goes away."""
import shutil

from running import apt_install

COMMANDS = ("dbus-daemon", "dbus-send", "gnome-keyring-daemon", "secret-tool")


def install():
    """Whether they are there."""
    if not is_there():
        apt_install("dbus", "gnome-keyring", "libsecret-tools")
    return is_there()


def is_there():
    return all(map(shutil.which, COMMANDS))
