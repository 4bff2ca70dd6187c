"""Small ext4 file systems on loop devices, so that a disk can be full without filling this machine's.
Needs root; where they cannot be made, Unavailable says why, and that fault is "not run".
"""

import os
import subprocess

FILLER = ".filled-by-chaos"


class Unavailable(Exception):
    """Loop file systems cannot be made here; the message says why."""


def _run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{argv[0]} ended with {done.returncode}: {done.stdout.strip()[:300]}")


class Disk:
    """A file system of `mebibytes`, mounted on `folder` while it is open."""

    def __init__(self, folder, mebibytes):
        self.folder, self.image = folder, folder + ".ext4"
        os.makedirs(folder)
        with open(self.image, "wb") as image:
            image.truncate(mebibytes << 20)  # sparse: only what is written takes room
        try:
            # No blocks kept for root: "full" is to mean full for the agent, too.
            _run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
            _run("mount", "-o", "loop", self.image, folder)
        except (Unavailable, FileNotFoundError) as error:
            os.unlink(self.image)
            raise Unavailable(str(error)) from error
        self.device = os.stat(folder).st_dev
        self.is_full = False

    def free_bytes(self):
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

    def fill(self, leave_bytes=0):
        """Takes every block but leave_bytes. Gives how many bytes were free before."""
        self.is_full = True
        before = self.free_bytes()
        fd = os.open(os.path.join(self.folder, FILLER), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(fd).st_dev != self.device:
                raise Unavailable("it is not mounted: this would fill the machine's own disk")
            step = 1 << 30
            while step >= 512:
                room = self.free_bytes() - leave_bytes
                if room <= 0:
                    break
                size = os.fstat(fd).st_size
                try:
                    os.posix_fallocate(fd, size, min(step, max(room, 512)))
                except OSError:
                    step //= 2  # it takes some blocks for the map of the blocks
        finally:
            os.close(fd)
        return before

    def empty(self):
        try:
            os.unlink(os.path.join(self.folder, FILLER))
        except FileNotFoundError:
            pass
        self.is_full = False

    def close(self):
        """Frees mount and loop device. The image goes, too: what is worth keeping was copied."""
        try:
            _run("umount", self.folder)
        except Unavailable:
            _run("umount", "--lazy", self.folder)
        os.unlink(self.image)
