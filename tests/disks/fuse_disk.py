"""A disk with oddities: a file system (FUSE) that shows a directory, and refuses or changes what it is told to.

    fuse_disk.py [OPTION...] DIRECTORY MOUNTPOINT -- COMMAND...

mounts it, runs the command and serves it until the command ends. Best in a mount namespace of its own (unshare --mount).

    damaged=NAME       every look at an entry of that name fails with EIO
    refuse=OP:ERRNO    that operation fails: chmod, fsync, fsyncdir, link, rename2, xattr (may be given more than once)
    late=ERRNO         what is written fails, but that is told at flush and fsync alone, and to the handle that wrote (NFS, SMB)
    fold=inode         names differ in more than their case, and all spellings of one have the same inode
    fold=spelling      the same, but each spelling has an inode of its own
    slow=OP:SECONDS    that operation takes so long
    hang=FILE          while this file is there (it stands elsewhere), the operations that it names are not answered; `all` is a
                       name for all of them
"""

import ctypes
import errno
import os
import select
import stat
import struct
import sys
import time

ROOT = 1
SET_MODE, SET_UID, SET_GID, SET_SIZE, SET_ATIME, SET_MTIME = 1, 2, 4, 8, 16, 32
SET_ATIME_NOW, SET_MTIME_NOW = 128, 256



class Disk:
    def __init__(self, base, options):
        self.base = base
        self.damaged = options.get("damaged", [])
        self.refused = dict(one.split(":") for one in options.get("refuse", []))
        self.fold = options.get("fold", [None])[-1]
        self.late = options.get("late", [None])[-1]
        self.unwritten = set()
        self.slow = dict(one.split(":") for one in options.get("slow", []))
        self.hang = options.get("hang", [None])[-1]
        self.hanging = []
        self.paths = {ROOT: ""}
        self.nodes = {"": ROOT}
        self.next = ROOT + 1

    # Names and nodes.

    def check(self, operation):
        if operation in self.refused:
            raise OSError(getattr(errno, self.refused[operation]), operation)

    def real(self, path):
        """The path of the directory behind, with the spelling that its names have there."""
        if not self.fold:
            return os.path.join(self.base, path) if path else self.base
        found = self.base
        for name in filter(None, path.split("/")):
            try:
                known = os.listdir(found)
            except OSError:
                known = []
            same = [other for other in known if other.casefold() == name.casefold()]
            found = os.path.join(found, name if name in known or not same else same[0])
        return found

    def child(self, node, name):
        path = os.path.join(self.paths[node], os.fsdecode(name))
        if os.path.basename(path) in self.damaged:
            raise OSError(errno.EIO, "damaged")
        return path

    def node(self, path):
        if self.fold == "inode":
            path = os.path.relpath(self.real(path), self.base)
        if path not in self.nodes:
            self.nodes[path] = self.next
            self.paths[self.next] = path
            self.next += 1
        return self.nodes[path]

    def moved(self, source, target):
        if self.fold == "inode":
            source = os.path.relpath(source, self.base)
            target = os.path.relpath(target, self.base)
        self.forget(target)
        for path in [path for path in self.nodes if path == source or path.startswith(source + "/")]:
            node = self.nodes.pop(path)
            new = target + path[len(source):]
            self.nodes[new] = node
            self.paths[node] = new

    def forget(self, path):
        """The name is gone; what has it open goes on by its handle."""
        self.nodes.pop(path, None)

    # Answers.

    def attributes(self, found, node):
        times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        return struct.pack(
            "<QQQqqqIIIIIIIIII", node, found.st_size, found.st_blocks,
            *(time // 10**9 for time in times), *(time % 10**9 for time in times),
            found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0)

    def entry(self, path):
        found = os.lstat(self.real(path))
        node = self.node(path)
        return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + self.attributes(found, node)

    def look(self, node, handle=None):
        path = self.paths[node]
        if handle is None and path not in self.nodes:
            raise OSError(errno.ENOENT, path)
        found = os.fstat(handle) if handle is not None else os.lstat(self.real(path))
        return struct.pack("<QII", 0, 0, 0) + self.attributes(found, node)

    # Operations, by their numbers in linux/fuse.h.

    def lookup(self, node, data, _):
        return self.entry(self.child(node, data[:-1]))

    def getattr(self, node, data, _):
        flags, _, handle = struct.unpack("<IIQ", data[:16])
        return self.look(node, handle if flags & 1 else None)

    def setattr(self, node, data, _):
        (valid, _, handle, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, _, uid, gid) = struct.unpack(
            "<IIQQQqqqIIIIIII", data[:84])
        target = handle if valid & 64 else self.real(self.paths[node])
        if valid & SET_MODE:
            self.check("chmod")
            os.chmod(target, stat.S_IMODE(mode))
        if valid & (SET_UID | SET_GID):
            self.check("chown")
            os.chown(target, uid if valid & SET_UID else -1, gid if valid & SET_GID else -1)
        if valid & SET_SIZE:
            os.truncate(target, size)
        if valid & (SET_ATIME | SET_MTIME):
            old = os.stat(target)
            now = time.time_ns()
            new_atime = now if valid & SET_ATIME_NOW else atime * 10**9 + atime_ns
            new_mtime = now if valid & SET_MTIME_NOW else mtime * 10**9 + mtime_ns
            os.utime(target, ns=(
                new_atime if valid & SET_ATIME else old.st_atime_ns,
                new_mtime if valid & SET_MTIME else old.st_mtime_ns))
        return self.look(node, handle if valid & 64 else None)

    def readlink(self, node, *_):
        return os.fsencode(os.readlink(self.real(self.paths[node])))

    def mkdir(self, node, data, _):
        mode, umask = struct.unpack("<II", data[:8])
        path = self.child(node, data[8:-1])
        os.mkdir(self.real(path), mode & ~umask)
        return self.entry(path)

    def unlink(self, node, data, _):
        path = self.child(node, data[:-1])
        os.unlink(self.real(path))
        self.forget(path)
        return b""

    def rmdir(self, node, data, _):
        path = self.child(node, data[:-1])
        os.rmdir(self.real(path))
        self.forget(path)
        return b""

    def rename(self, node, data, _):
        (directory,) = struct.unpack("<Q", data[:8])
        source, target = data[8:-1].split(b"\0")
        return self.renamed(node, source, directory, target)

    def rename2(self, node, data, _):
        self.check("rename2")
        directory, flags, _ = struct.unpack("<QII", data[:16])
        source, target = data[16:-1].split(b"\0")
        exists = os.path.lexists(self.real(self.child(directory, target)))
        if flags & 1 and exists:
            raise OSError(errno.EEXIST, "rename2")
        if flags & ~1:
            raise OSError(errno.EINVAL, "rename2")
        return self.renamed(node, source, directory, target)

    def renamed(self, node, source, directory, target):
        source, target = self.child(node, source), self.child(directory, target)
        old, new = self.real(source), self.real(target)
        if self.fold and old == new:
            # Another spelling of the same name.
            new = os.path.join(os.path.dirname(new), os.path.basename(target))
        os.rename(old, new)
        if self.fold == "inode":
            self.moved(old, new)
        else:
            self.moved(source, target)
        return b""

    def link(self, node, data, _):
        self.check("link")
        (old,) = struct.unpack("<Q", data[:8])
        path = self.child(node, data[8:-1])
        os.link(self.real(self.paths[old]), self.real(path), follow_symlinks=False)
        return self.entry(path)

    def open(self, node, data, _):
        flags, _ = struct.unpack("<II", data[:8])
        handle = os.open(self.real(self.paths[node]), flags & ~os.O_CREAT & ~os.O_EXCL & ~os.O_APPEND)
        return struct.pack("<QII", handle, 0, 0)

    def create(self, node, data, _):
        flags, mode, umask, _ = struct.unpack("<IIII", data[:16])
        path = self.child(node, data[16:-1])
        handle = os.open(self.real(path), flags & ~os.O_APPEND | os.O_CREAT, mode & ~umask & 0o7777)
        return self.entry(path) + struct.pack("<QII", handle, 0, 0)

    def read(self, _node, data, _):
        handle, offset, size = struct.unpack("<QQI", data[:20])
        return os.pread(handle, size, offset)

    def write(self, _node, data, _):
        handle, offset, size, _ = struct.unpack("<QQII", data[:24])
        if self.late:
            self.unwritten.add(handle)
            return struct.pack("<II", size, 0)
        return struct.pack("<II", os.pwrite(handle, data[40:40 + size], offset), 0)

    def confirm(self, handle):
        if handle in self.unwritten:
            raise OSError(getattr(errno, self.late), "late")

    def flush(self, _node, data, _):
        self.confirm(struct.unpack("<Q", data[:8])[0])
        return b""

    def release(self, _node, data, _):
        handle = struct.unpack("<Q", data[:8])[0]
        self.unwritten.discard(handle)
        os.close(handle)
        return b""

    def fsync(self, _node, data, _):
        self.check("fsync")
        self.confirm(struct.unpack("<Q", data[:8])[0])
        os.fsync(struct.unpack("<Q", data[:8])[0])
        return b""

    def fsyncdir(self, *_):
        self.check("fsyncdir")
        return b""

    def opendir(self, *_):
        return struct.pack("<QII", 0, 0, 0)

    def readdir(self, node, data, _):
        _, offset, size = struct.unpack("<QQI", data[:20])
        out = b""
        names = sorted(os.listdir(self.real(self.paths[node])))
        for index, name in enumerate(names[offset:], offset + 1):
            kind = os.lstat(os.path.join(self.real(self.paths[node]), name)).st_mode >> 12
            raw = os.fsencode(name)
            one = struct.pack("<QQII", 1000 + index, index, len(raw), kind) + raw
            one += b"\0" * (-len(one) % 8)
            if len(out) + len(one) > size:
                break
            out += one
        return out

    def statfs(self, *_):
        found = os.statvfs(self.base)
        return struct.pack(
            "<QQQQQIIIIIIIIII", found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree,
            found.f_bsize, 255, found.f_frsize, 0, 0, 0, 0, 0, 0, 0)

    def nothing(self, *_):
        return b""

    def init(self, _node, data, _):
        _, _, readahead = struct.unpack("<III", data[:12])
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, 0, 12, 9, 65536, 1, 0, 0, 0)

    OPERATIONS = {
        1: lookup, 3: getattr, 4: setattr, 5: readlink, 9: mkdir, 10: unlink, 11: rmdir, 12: rename, 13: link,
        14: open, 15: read, 16: write, 17: statfs, 18: release, 20: fsync, 25: flush, 26: init, 27: opendir,
        28: readdir, 29: nothing, 30: fsyncdir, 35: create, 45: rename2,
    }

    def hangs(self, code):
        """Whether an operation is not answered for now."""
        if not self.hang or code == 26:
            return False
        try:
            with open(self.hang) as file:
                names = file.read().split()
        except FileNotFoundError:
            return False
        operation = self.OPERATIONS.get(code)
        return "all" in names or operation is not None and operation.__name__ in names

    def serve(self, device):
        ready = select.poll()
        ready.register(device, select.POLLIN)
        while True:
            waiting, self.hanging = self.hanging, []
            for request in waiting:
                self.serve_one(device, request)
            # What hangs is looked at again soon.
            if not ready.poll(20 if self.hang else None):
                continue
            try:
                request = os.read(device, 1 << 17)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return
            self.serve_one(device, request)

    def serve_one(self, device, request):
        _, code, unique, node, _, _, _, _ = struct.unpack("<IIQQIIII", request[:40])
        # FORGET, BATCH_FORGET and INTERRUPT have no answer.
        if code in (2, 42, 36):
            return
        if self.hangs(code):
            self.hanging.append(request)
            return
        status, answer = 0, b""
        try:
            if code not in self.OPERATIONS:
                raise OSError(errno.ENOSYS, str(code))
            operation = self.OPERATIONS[code]
            time.sleep(float(self.slow.get(operation.__name__, 0)))
            answer = operation(self, node, request[40:], unique)
        except OSError as error:
            status = -(error.errno or errno.EIO)
        except KeyError:
            status = -errno.ESTALE
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(answer), status, unique) + answer)
        except OSError:
            # Whoever asked is gone.
            pass


def main():
    words = sys.argv[1:]
    command = words[words.index("--") + 1:]
    words = words[:words.index("--")]
    options = {}
    for word in words[:-2]:
        name, value = word.split("=", 1)
        options.setdefault(name, []).append(value)
    base, place = words[-2:]
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    data = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},default_permissions,allow_other"
    if libc.mount(b"wharf-test", os.fsencode(place), b"fuse", 0, data.encode()) != 0:
        sys.exit("a file system of this test's own (FUSE) is not permitted here: "
                 + os.strerror(ctypes.get_errno()))
    if os.fork() == 0:
        # It ends with whoever uses it.
        libc.prctl(1, 9)
        quiet = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        os.umask(0)
        Disk(base, options).serve(device)
        os._exit(0)
    os.execvp(command[0], command)


main()
