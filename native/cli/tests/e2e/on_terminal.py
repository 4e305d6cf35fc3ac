"""Runs a command with a terminal as its stdin and stderr: our own stdin is typed there, what it shows goes to our stderr."""
import os
import pty
import subprocess
import sys
import threading


def main():
    terminal, inside = pty.openpty()
    command = subprocess.Popen(sys.argv[1:], stdin=inside, stderr=inside)
    os.close(inside)
    threading.Thread(target=type_along, args=(terminal,), daemon=True).start()
    show(terminal)
    sys.exit(command.wait())


def type_along(terminal):
    for line in sys.stdin.buffer:
        os.write(terminal, line)


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
