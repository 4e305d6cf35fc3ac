"""Runs a command with a terminal as its stdin and stderr: our own stdin is typed there, what it shows goes to our stderr."""
import fcntl
import os
import pty
import subprocess
import sys
import termios
import threading


def main():
    terminal, inside = pty.openpty()
    command = subprocess.Popen(sys.argv[1:], stdin=inside, stderr=inside, preexec_fn=take_terminal)
    os.close(inside)
    threading.Thread(target=type_along, args=(terminal,), daemon=True).start()
    show(terminal)
    os._exit(command.wait())  # whatever the other thread waits for


def take_terminal():
    """Makes it the controlling one, so that a typed Ctrl-C is a signal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def type_along(terminal):
    while typed := os.read(sys.stdin.fileno(), 4096):
        os.write(terminal, typed)


def show(terminal):
    while True:
        try:
            shown = os.read(terminal, 4096)
        except OSError:  # on Linux: the command has closed its end
            return
        if not shown:
            return
        os.write(sys.stderr.fileno(), shown)


main()
