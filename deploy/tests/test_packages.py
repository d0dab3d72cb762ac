"""The packages: installed by the words of the guide, upgraded, removed and purged in a Debian of their own."""

import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import unittest

from containers import Network, need_root
from support import ROOT, run, wait_until, wharf

GUIDE = (ROOT / "docs/deployment.md").read_text()
VERSION = run(ROOT / "scripts/version").stdout.strip()
LATER = "99.0.0"
DEBIAN, MACHINE = {"x86_64": ("amd64", "x86_64"), "aarch64": ("arm64", "aarch64")}[os.uname().machine]
# What a server has that the guide's words need. (sudo is nobody else here.)
INCLUDED = "apt,curl,systemd"
QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def setUpModule():
    need_root()
    global place, base
    place = pathlib.Path(unittest.enterModuleContext(tempfile.TemporaryDirectory()))
    place.chmod(0o755)
    program = place / "program"
    base = place / "base"
    # Meanwhile the packages are made.
    making = subprocess.Popen(["mmdebstrap", "--quiet", "--variant=essential", f"--include={INCLUDED}", "bookworm", base])
    run("strip", "-o", program, wharf())
    run(ROOT / "scripts/pack", program, MACHINE, place / "now", "--quick")
    # A later version with a program that can be told from this one, and with another configuration.
    later = place / "later-program"
    later.write_text("#!/bin/sh\necho later\n")
    later.chmod(0o755)
    config = place / "later.yaml"
    config.write_text((ROOT / "deploy/packages/wharf.yaml").read_text() + "\n# A line of the later version.\n")
    options = ["--pages", program, "--config", config, "--version", LATER, "--quick"]
    run(ROOT / "scripts/pack", later, MACHINE, place / "later", *options)
    if making.wait() != 0:
        raise AssertionError("mmdebstrap failed; its message stands above")
    for name, text in {"sudo": 'exec "$@"', "systemctl": "exit 0"}.items():
        shim = base / "usr/local/bin" / name
        shim.write_text(f"#!/bin/sh\n{text}\n")
        shim.chmod(0o755)


def deb(version=VERSION):
    return place / ("now" if version == VERSION else "later") / f"wharf_{version}_{DEBIAN}.deb"


def rpm(version=VERSION):
    return place / ("now" if version == VERSION else "later") / f"wharf-{version}-1.{MACHINE}.rpm"


def words_of(heading):
    """The commands below a heading of the guide."""
    section = GUIDE.split(f"\n### {heading}\n", 1)[1]
    return re.search(r"^```sh\n(.*?)^```$", section, re.M | re.S)[1].splitlines()


class Machine:
    """A machine to install on."""

    def __init__(self, test):
        folder = place / test.id().rsplit(".", 1)[1]
        self.root = folder / "root"
        for name in ("root", "upper", "work"):
            (folder / name).mkdir(parents=True)
        test.addCleanup(shutil.rmtree, folder)
        layers = f"lowerdir={base},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        if run("mount", "-t", "overlay", "overlay", "-o", layers, self.root, check=False).returncode == 0:
            test.addCleanup(run, "umount", self.root)
        else:
            # The temporary folder is in a container's file system, over which there is no other one.
            run("cp", "-a", f"{base}/.", self.root)
        self.network = Network()
        test.addCleanup(self.network.remove)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        test.addCleanup(run, "umount", self.root / "proc")
        self.server = None
        test.addCleanup(self.stop)

    def run(self, *command, **options):
        """Runs a command there, as root."""
        options.setdefault("env", QUIET)
        return self.network.run("chroot", self.root, "sh", "-c", 'cd /root && exec "$@"', "-", *command, **options)

    def path(self, path):
        return self.root / path.lstrip("/")

    def about(self, path):
        """Mode, owner and group, the latter by their names there."""
        found = self.path(path).stat()
        owner, group = self.run("stat", "-c", "%U %G", path).stdout.split()
        return f"{stat.S_IMODE(found.st_mode):o}", owner, group

    def unit(self):
        [unit] = [path for path in (self.path("lib/systemd/system/wharf.service"), self.path("usr/lib/systemd/system/wharf.service")) if path.exists()][:1]
        return unit.read_text()

    def start(self):
        """Starts the service as the unit says; systemd itself isn't running here."""
        fields = dict(line.split("=", 1) for line in self.unit().splitlines() if re.match(r"[A-Z]\w+=", line))
        for kind, top in {"StateDirectory": "var/lib", "LogsDirectory": "var/log", "RuntimeDirectory": "run"}.items():
            for name in fields[kind].split():
                self.run("install", "-d", "-o", fields["User"], "-g", fields["Group"], "-m", fields[f"{kind}Mode"], f"/{top}/{name}")
        confined = [f"--reuid={fields['User']}", f"--regid={fields['Group']}", "--clear-groups", "--no-new-privs"]
        command = ["chroot", str(self.root), "setpriv", *confined, *shlex.split(fields["ExecStart"])]
        self.server = subprocess.Popen(self.network.command(*command), stderr=subprocess.PIPE, text=True)

        def ready():
            if self.server.poll() is not None:
                raise AssertionError(self.server.stderr.read())
            return self.run("wharf", "health", check=False).returncode == 0

        wait_until("it is ready", ready)

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.communicate()
            self.server = None

    def follow(self, words):
        """Carries out what the guide says. What comes before the first login has started the service."""
        for line in words:
            if line.startswith("curl") and not self.server:
                self.start()
            self.run("sh", "-ec", line)
        self.stop()


class Packages(unittest.TestCase):
    def assert_installed(self, machine):
        self.assertEqual(machine.about("/etc/wharf"), ("750", "root", "wharf"))
        self.assertEqual(machine.about("/etc/wharf/wharf.yaml"), ("640", "root", "wharf"))
        self.assertEqual(machine.about("/etc/wharf/demo.hash"), ("640", "root", "wharf"))
        self.assertEqual(machine.about("/etc/wharf/demo.password"), ("600", "root", "root"))
        self.assertGreaterEqual(len(machine.path("/etc/wharf/demo.password").read_text().strip()), 20)
        self.assertRegex(machine.run("getent", "passwd", "wharf").stdout, r"^wharf:.*:/var/lib/wharf:.*nologin\n$")
        self.assertIn("User=wharf\n", machine.unit())
        verified = machine.run("systemd-analyze", "verify", "--man=no", "wharf.service")
        self.assertEqual([line for line in verified.stderr.splitlines() if "wharf" in line], [])
        self.assertEqual(machine.run("wharf", "--version").stdout, f"wharf {VERSION}\n")
        machine.run("wharf", "check", "--config", "/etc/wharf/wharf.yaml")
        # Files that others name.
        for pattern in (r"^Documentation=man:wharf\(1\) file:(\S+)$", r"^ExecStart=(\S+)"):
            self.assertTrue(machine.path(re.search(pattern, machine.unit(), re.M)[1]).exists())
        config = machine.path("/etc/wharf/wharf.yaml").read_text()
        for named in re.findall(r"(?:file://)?(/(?:usr|etc)/[\w./-]+\w)", config):
            self.assertTrue(machine.path(named).exists(), named)

    def edit(self, machine):
        """An operator adds a user and takes another port."""
        config = machine.path("/etc/wharf/wharf.yaml")
        config.write_text(config.read_text().replace("127.0.0.1:2121", "127.0.0.1:2100") + "  - { name: anna, password: { file: demo.hash }, backend: disk }\n")
        return config.read_text()

    def assert_upgraded(self, machine, edited, theirs):
        """The operator's configuration and password are there as they were; the new ones lie beside."""
        self.assertEqual(machine.run("wharf").stdout, "later\n")
        self.assertEqual(machine.path("/etc/wharf/wharf.yaml").read_text(), edited)
        self.assertEqual(machine.about("/etc/wharf/wharf.yaml"), ("640", "root", "wharf"))
        self.assertIn("later version", machine.path(f"/etc/wharf/wharf.yaml.{theirs}").read_text())

    def users_files(self, machine):
        return [path.name for path in machine.path("/var/lib/wharf/files").glob("*")]

    def test_deb(self):
        machine = Machine(self)
        shutil.copy(deb(), machine.path("/root"))
        machine.follow(words_of("Debian and Ubuntu"))
        self.assert_installed(machine)
        self.assertEqual(self.users_files(machine), ["hostname"])
        wanted = machine.path("/etc/systemd/system/multi-user.target.wants/wharf.service")
        self.assertTrue(wanted.is_symlink(), "it starts with the machine")
        password = machine.path("/etc/wharf/demo.password").read_text()
        edited = self.edit(machine)
        shutil.copy(deb(LATER), machine.path("/root"))
        machine.run("dpkg", "--install", "--force-confold", f"/root/{deb(LATER).name}")
        self.assert_upgraded(machine, edited, "dpkg-dist")
        self.assertEqual(machine.path("/etc/wharf/demo.password").read_text(), password)
        machine.run("apt-get", "remove", "-qq", "-y", "wharf")
        self.assertFalse(machine.path("/usr/bin/wharf").exists())
        self.assertEqual(machine.path("/etc/wharf/wharf.yaml").read_text(), edited)
        # What the server has written beside the files of users.
        machine.path("/var/lib/wharf/events/0000000000000001.events").write_text("an event")
        machine.path("/var/lib/wharf/events/lock").write_text("")
        machine.path("/var/lib/wharf/quotas.json").write_text("{}")
        said = machine.run("apt-get", "purge", "-qq", "-y", "wharf").stdout
        self.assertIn("wharf: /var/lib/wharf has files that the package did not make; they are kept.\n", said)
        for gone in ("/etc/wharf", "/var/log/wharf", "/var/lib/wharf/events", "/var/lib/wharf/quotas.json", "/etc/systemd/system/multi-user.target.wants/wharf.service"):
            self.assertFalse(os.path.lexists(machine.path(gone)), gone)
        self.assertEqual(self.users_files(machine), ["hostname"])

    def test_deb_leaves_nothing_where_nobody_stored_anything(self):
        machine = Machine(self)
        shutil.copy(deb(), machine.path("/root"))
        machine.run("dpkg", "--install", f"/root/{deb().name}")
        machine.start()
        machine.stop()
        machine.run("dpkg", "--purge", "wharf")
        left = machine.run("find", "/", "-xdev", "-name", "*wharf*", "-not", "-path", "/proc/*", "-not", "-path", "/run/*").stdout.split()
        # Users are never removed, as their number could come to somebody else.
        self.assertEqual([path for path in left if not path.startswith("/root/")], [])

    def test_purge_keeps_what_a_link_leads_to(self):
        machine = Machine(self)
        shutil.copy(deb(), machine.path("/root"))
        machine.run("dpkg", "--install", f"/root/{deb().name}")
        machine.run("mkdir", "-p", "/srv/ftp", "/var/lib/wharf")
        machine.run("touch", "/srv/ftp/report.csv")
        # A user's, where somebody serves all of /var/lib/wharf.
        machine.run("mkdir", "-p", "/var/lib/wharf/events")
        machine.run("touch", "/var/lib/wharf/events/invitation.pdf")
        # As a volume that is mounted there, it can't be removed as a directory.
        machine.run("ln", "-s", "/srv/ftp", "/var/lib/wharf/files")
        said = machine.run("dpkg", "--purge", "wharf").stdout
        self.assertIn("wharf: /var/lib/wharf has files that the package did not make; they are kept.\n", said)
        self.assertTrue(machine.path("/srv/ftp/report.csv").exists())
        self.assertTrue(machine.path("/var/lib/wharf/events/invitation.pdf").exists())

    def test_rpm(self):
        machine = Machine(self)
        tool = ["rpm", "--force-debian", "--nodeps", "--root", machine.root]

        def follow(line):
            if line.startswith("sudo dnf install ./"):
                self.assertEqual(line.rsplit("/", 1)[1], rpm().name)
                machine.network.run(*tool, "--install", rpm())
            else:
                machine.follow([line])

        for line in words_of("Fedora, RHEL and their kin"):
            follow(line)
        self.assert_installed(machine)
        self.assertEqual(self.users_files(machine), ["hostname"])
        password = machine.path("/etc/wharf/demo.password").read_text()
        edited = self.edit(machine)
        machine.network.run(*tool, "--upgrade", rpm(LATER))
        self.assert_upgraded(machine, edited, "rpmnew")
        self.assertEqual(machine.path("/etc/wharf/demo.password").read_text(), password)
        machine.network.run(*tool, "--erase", "wharf")
        self.assertFalse(machine.path("/usr/bin/wharf").exists())
        self.assertEqual(machine.path("/etc/wharf/wharf.yaml.rpmsave").read_text(), edited)
        self.assertEqual(self.users_files(machine), ["hostname"])

    def test_have_the_same_files(self):
        """But for what either names its own way."""
        names = run("sh", "-c", f"dpkg-deb --fsys-tarfile {deb()} | tar -t").stdout
        there = {line.lstrip(".") for line in names.splitlines() if not line.endswith("/")}
        in_rpm = set(run("rpm", "-qpl", rpm()).stdout.splitlines())
        plain = lambda path: re.sub(r"^/lib/|/vendor-completions/", lambda found: {"/lib/": "/usr/lib/"}.get(found[0], "/site-functions/"), path)
        documents = re.compile(r"/usr/share/doc/wharf/(changelog.*|CHANGELOG.md|copyright|LICENSE)$")
        there = {plain(path) for path in there if not documents.match(path)}
        folders = {str(parent) for path in there for parent in pathlib.PurePosixPath(path).parents}
        self.assertEqual(there, {path for path in in_rpm if path not in folders and not documents.match(path)})
        self.assertIn("/usr/share/man/man1/wharf-serve.1.gz", there)

    def test_say_what_they_are(self):
        fields = run("dpkg-deb", "--field", deb(), "Version", "Architecture").stdout
        self.assertEqual(fields, f"Version: {VERSION}\nArchitecture: {DEBIAN}\n")
        self.assertEqual(run("rpm", "-qp", "--queryformat", "%{VERSION} %{ARCH}", rpm()).stdout, f"{VERSION} {MACHINE}")
        self.assertRegex(run("rpm", "-qp", "--changelog", rpm()).stdout, rf"^\* .* The maintainers of Wharf <.*> - {re.escape(VERSION)}-1\n")
        self.assertEqual(run("rpm", "-qp", "--configfiles", rpm()).stdout, "/etc/wharf/wharf.yaml\n")

    def test_archive(self):
        top = f"wharf-{VERSION}-{MACHINE}-linux"
        with tempfile.TemporaryDirectory() as folder:
            run("tar", "-xzf", place / "now" / f"{top}.tar.gz", "-C", folder)
            unpacked = pathlib.Path(folder) / top
            self.assertEqual(run(unpacked / "wharf", "--version").stdout, f"wharf {VERSION}\n")
            run(unpacked / "wharf", "check", "--config", unpacked / "config/quickstart.yaml")
            for path in ("LICENSE", "systemd/wharf.service", "man/wharf.1", "completions/_wharf", "docs/deployment.md"):
                self.assertTrue((unpacked / path).exists(), path)
            # A second one is the same, byte by byte.
            run(ROOT / "scripts/pack", place / "later-program", MACHINE, folder, "--pages", place / "program", "--config", place / "later.yaml", "--version", LATER, "--quick")
            for made in (place / "later").iterdir():
                self.assertEqual(made.read_bytes(), (pathlib.Path(folder) / made.name).read_bytes(), made.name)


# What a build leaves, without compiling anything: a program that writes its pages as the one of the tests does.
CARGO = """#!/bin/sh
case "$*" in *cyclonedx*) exit 1 ;; esac
case "$*" in
  *--release*)
    echo 'fn main() {
      let map: std::collections::BTreeMap<String, u8> = std::env::args().map(|name| (name, 1)).collect();
      println!("{} {}", file!(), map.len());
    }' >$PWD/probe.rs
    $RUSTC_WRAPPER rustc $RUSTFLAGS -o $PWD/probe $PWD/probe.rs
    echo "$RUSTFLAGS|$($PWD/probe)|$(grep -c SYSROOT $PWD/probe)|$(grep -c /rustc/ $PWD/probe | sed s/[1-9].*/some/)" >>KEPT
    rm $PWD/probe $PWD/probe.rs ;;
esac
for place in ${CARGO_TARGET_DIR:-target}/MACHINE-unknown-linux-gnu/release ${CARGO_TARGET_DIR:-target}/debug; do
  mkdir -p $place
  printf '#!/bin/sh\\nexec PROGRAM "$@"\\n' >$place/wharf
  chmod 755 $place/wharf
done
"""


class Dist(unittest.TestCase):
    def test_has_everything_and_is_the_same_twice(self):
        """With a cargo that compiles nothing: what `make dist VERIFY=1` does around it."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        run("git", "-c", "safe.directory=*", "clone", "--quiet", "--depth=1", f"file://{ROOT}", folder / "clone")
        (folder / "clone/.test-tools").symlink_to(ROOT / ".test-tools")
        (folder / "bin").mkdir()
        cargo = folder / "bin/cargo"
        # A program for another machine, whose pages are written by one for this one.
        other = {"x86_64": "aarch64", "aarch64": "x86_64"}[MACHINE]
        compiler = folder / f"bin/{other}-linux-gnu-gcc"
        # A Rust whose library has its source beside it, as developers have it, whose names rustc would write into the program.
        real = pathlib.Path(run("rustc", "--print", "sysroot").stdout.strip())
        sysroot = folder / "rust"
        (sysroot / "lib/rustlib/src/rust/library/std/src").mkdir(parents=True)
        (sysroot / "lib/rustlib/src/rust/library/std/src/lib.rs").touch()
        for level in ("lib", "lib/rustlib"):
            for path in (real / level).iterdir():
                if path.name not in ("rustlib", "src"):
                    (sysroot / level / path.name).symlink_to(path)
        text = CARGO.replace("MACHINE", other).replace("PROGRAM", str(place / "program")).replace("KEPT", str(folder / "flags")).replace("SYSROOT", str(sysroot))
        rustc = f'#!/bin/sh\nexec {real}/bin/rustc --sysroot {sysroot} "$@"\n'
        for path, text in {cargo: text, compiler: "#!/bin/sh\n", folder / "bin/rustc": rustc}.items():
            path.write_text(text)
            path.chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
        environment.pop("CARGO_TARGET_DIR", None)
        environment["WHARF_IMAGE"] = "registry.example.com/acme/wharf"
        ran = run(folder / "clone/scripts/dist", "--verify", other, cwd=folder / "clone", env=environment)
        self.assertIn("Both are the same", ran.stdout)
        # A program doesn't tell where it was built. Flags with folders would have it arranged by them: Cargo names its files by the flags.
        self.assertEqual((folder / "flags").read_text().splitlines(), ["-C target-feature=+crt-static|/usr/src/wharf/probe.rs 1|0|some"] * 2)
        made = folder / "clone/target/dist"
        debian = {"x86_64": "amd64", "aarch64": "arm64"}[other]
        expected = {f"wharf_{VERSION}_{debian}.deb", f"wharf-{VERSION}-1.{other}.rpm", f"wharf-{VERSION}-{other}-linux.tar.gz", f"wharf-chart-{VERSION}.tgz"}
        self.assertEqual({path.name for path in made.iterdir()}, expected | {"SHA256SUMS"})
        self.assertEqual(set(re.findall(r"^[0-9a-f]{64}  (.*)$", (made / "SHA256SUMS").read_text(), re.M)), expected)
        run("sha256sum", "--check", "SHA256SUMS", cwd=made)
        chart = {name: run("tar", "-xzOf", made / f"wharf-chart-{VERSION}.tgz", f"wharf/{name}").stdout for name in ("values.yaml", "Chart.yaml", "README.md")}
        self.assertIn("  repository: registry.example.com/acme/wharf\n", chart["values.yaml"])
        self.assertIn(f"image: registry.example.com/acme/wharf:{VERSION}\n", chart["Chart.yaml"])
        self.assertIn("| `image.repository` | `registry.example.com/acme/wharf` |", chart["README.md"])
        self.assertEqual(run("dpkg-deb", "--field", made / f"wharf_{VERSION}_{debian}.deb", "Architecture").stdout.strip(), debian)


class ManualPages(unittest.TestCase):
    def test_are_good(self):
        with tempfile.TemporaryDirectory() as folder:
            run(wharf(), "man", folder)
            pages = sorted(pathlib.Path(folder).iterdir())
            shown = run(wharf(), "--help").stdout.split("Commands:\n")[1].split("\nOptions:")[0]
            commands = set(re.findall(r"^  (\S+)", shown, re.M)) - {"help"}
            self.assertLessEqual({f"wharf-{command}.1" for command in commands} | {"wharf.1", "wharf-events-list.1"}, {page.name for page in pages})
            ran = run("mandoc", "-T", "lint", "-W", "warning", *pages, check=False)
            # They have no date, as the version says enough, and breaks of the library's that do no harm.
            known = ("missing date", "skipping paragraph macro: br ")
            complaints = [line for line in ran.stdout.splitlines() if not any(words in line for words in known)]
            self.assertEqual(complaints, [])
            page = run("mandoc", "-T", "ascii", pathlib.Path(folder) / "wharf-check.1").stdout
            for words in ("wharf check --config wharf.yaml --connect", "EXIT STATUS"):
                self.assertIn(words, re.sub(".\b", "", page))


class Crates(unittest.TestCase):
    def test_have_what_they_are_built_from(self):
        with tempfile.TemporaryDirectory() as folder:
            options = ["--no-verify", "--offline", "--allow-dirty", "--locked", "--quiet", "--target-dir", folder]
            run("cargo", "package", *options, "-p", "wharf-backends", "-p", "wharf")
            for crate, expected in {
                "wharf": {"src/main.rs", "config/quickstart.yaml", "docs/admin.openapi.yaml", "LICENSE", "README.md", "Cargo.lock"},
                "wharf-backends": {"src/lib.rs", "examples/shelf.rs", "LICENSE", "README.md"},
            }.items():
                top = f"{crate}-{VERSION}/"
                names = run("tar", "-tzf", pathlib.Path(folder) / "package" / f"{crate}-{VERSION}.crate").stdout.splitlines()
                names = {name.removeprefix(top) for name in names}
                self.assertLessEqual(expected, names)
                self.assertEqual({name for name in names if name.startswith(("tests/", "target/", ".", "deploy/"))} - {".cargo_vcs_info.json"}, set())
                about = run("tar", "-xzOf", pathlib.Path(folder) / "package" / f"{crate}-{VERSION}.crate", f"{top}Cargo.toml").stdout
                for key in ("description", "license", "readme", "keywords", "categories", "documentation"):
                    self.assertRegex(about, rf"(?m)^{key} = ")


class Versions(unittest.TestCase):
    def test_one_command_changes_every_place(self):
        """In a copy of the repository."""
        with tempfile.TemporaryDirectory() as folder:
            tracked = run("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
            for name in filter(None, tracked):
                if (ROOT / name).is_file():
                    (pathlib.Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, pathlib.Path(folder) / name)
            changed = pathlib.Path(folder)
            self.assertIn("### Added", run(ROOT / "scripts/changelog", "0.1.0").stdout)
            self.assertIn("no section", run(changed / "scripts/changelog", "98.7.6", check=False).stderr)
            run(changed / "scripts/version", "98.7.6-rc.1", cwd=changed)
            self.assertEqual(run(changed / "scripts/version").stdout, "98.7.6-rc.1\n")
            for name in ("Cargo.toml", "Cargo.lock", "fuzz/Cargo.lock", "deploy/Dockerfile", "deploy/helm/wharf/Chart.yaml", "deploy/helm/wharf/README.md", "docs/deployment.md"):
                before, after = (ROOT / name).read_text(), (changed / name).read_text()
                self.assertNotEqual(before, after, name)
                ours = [line for line in after.splitlines() if re.search(rf"(?<![\d.]){re.escape(VERSION)}(?!\d)", line) and line not in SOMEBODY_ELSES]
                if "lock" not in name:
                    self.assertEqual(ours, [], name)


# Lines with the version of another program.
SOMEBODY_ELSES = {'unftp-core = "0.1.0"'}

if __name__ == "__main__":
    unittest.main()
