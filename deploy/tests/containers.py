"""Images and containers: buildah, podman and runc, in a network of their own that has nothing but loopback."""

import os
import pathlib
import subprocess
import tempfile

import yaml

from support import ROOT, TOOLS, run, wait_until

STORAGE = TOOLS / "containers"
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
DOCKERFILE = ROOT / "deploy/Dockerfile"
# The images that the Dockerfile and the compose file begin with. Registries are out of reach of the tests, so images of these
# names are made here: the toolchain that runs `make test`, on a Debian of the same version, and SeaweedFS from PyPI.
RUST_IMAGE = DOCKERFILE.read_text().split("FROM ", 1)[1].split(" ", 1)[0]
STORE_IMAGE = COMPOSE["services"]["seaweedfs"]["image"]
IMAGE = "localhost/wharf:test"
PLACE = ["--root", STORAGE / "storage", "--runroot", STORAGE / "run"]


def need_root():
    if os.geteuid() != 0:
        raise AssertionError("building and running images takes root: make test-deploy asks sudo for it")


def environment():
    settings = STORAGE / "containers.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    # crun and the systemd cgroup manager need more than a machine of a CI has.
    settings.write_text(
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        '[containers]\nlog_driver = "k8s-file"\n'
    )
    # The caches of builds are this checkout's alone.
    temporary = STORAGE / "tmp"
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "CONTAINERS_CONF": str(settings), "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(temporary)}


def buildah(*arguments, **options):
    return run("buildah", *PLACE, *arguments, env=environment(), **options).stdout.strip()


def podman(*arguments, check=True, **options):
    return run("podman", *PLACE, *arguments, env=environment(), check=check, **options)


def has(image):
    return run("buildah", *PLACE, "inspect", "--type", "image", image, env=environment(), check=False).returncode == 0


def commit(name, fill, **config):
    """An image made of nothing."""
    container = buildah("from", config.pop("base", "scratch"))
    try:
        fill(container)
        if config:
            buildah("config", *(f"--{key}={value}" for key, value in config.items()), container)
        buildah("commit", "--quiet", container, name)
    finally:
        buildah("rm", container)


# What of the official image the build of Wharf takes, beside Rust: the allocator is C, and made by make.
RUST_PACKAGES = "gcc,make,libc6-dev,ca-certificates"


def packages_of(image):
    """The packages that an image was made with here."""
    template = '{{index .Docker.Config.Labels "packages"}}'
    ran = run("buildah", *PLACE, "inspect", "--type", "image", "--format", template, image, env=environment(), check=False)
    return ran.stdout.strip()


def rust_image():
    """A Debian with a C compiler, whose Rust toolchain and crates are those of this machine."""
    if packages_of(RUST_IMAGE) != RUST_PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            tar = pathlib.Path(folder) / "base.tar"
            run("mmdebstrap", "--quiet", "--variant=essential", f"--include={RUST_PACKAGES}", RUST_IMAGE.rsplit("-", 1)[1], tar)

            def fill(container):
                buildah("add", "--quiet", container, tar, "/")
                # Those that this machine trusts, as its crates come by way of whatever it does.
                buildah("add", "--quiet", container, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/")

            path = "PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            commit(RUST_IMAGE, fill, env=path, label=f"packages={RUST_PACKAGES}")
    return RUST_IMAGE


def store_image():
    if not has(STORE_IMAGE):
        rust_image()
        weed = (TOOLS / "python/bin/weed").resolve()
        commit(STORE_IMAGE, lambda container: buildah("add", "--quiet", container, weed, "/usr/bin/weed"), base=RUST_IMAGE)


def build():
    """Builds the image of the Dockerfile as an operator does."""
    rust_image()
    sysroot = run("rustc", "--print", "sysroot").stdout.strip()
    crates = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo")) / "registry"
    crates.mkdir(parents=True, exist_ok=True)
    toolchain = ["--volume", f"{sysroot}:/usr/local/rust:ro", "--volume", f"{crates}:/root/.cargo/registry"]
    arguments = ["--pull-never", "--layers=false", "--format=docker", "--build-arg=REVISION=test"]
    # What is optimised is the same in all images, and takes minutes.
    arguments += ["--build-arg=CARGO_PROFILE_RELEASE_LTO=off", "--build-arg=CARGO_PROFILE_RELEASE_OPT_LEVEL=1"]
    # Tests beside it come first.
    command = ["nice", "-n", "19", "buildah", *PLACE, "bud", *arguments, *toolchain]
    run(*command, "--file", DOCKERFILE, "--tag", IMAGE, ROOT, env=environment(), timeout=3600)


class Network:
    """A network namespace: loopback, and nobody else's ports."""

    def __init__(self):
        self.name = f"wharf-test-{os.getpid()}"
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        self.path = f"/run/netns/{self.name}"

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words, **options):
        return run(*self.command(*words), **options)

    def remove(self):
        run("ip", "netns", "delete", self.name, check=False)


class Container:
    """A container that runs until it is removed."""

    def __init__(self, network, name, image, *command, options=()):
        self.name = f"{network.name}-{name}"
        self.network = network
        limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]
        common = ["--name", self.name, "--network", f"ns:{network.path}", "--no-healthcheck", *limits]
        podman("run", "--detach", *common, *options, image, *command)

    def state(self):
        template = "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}"
        status, code, pid = podman("inspect", "--format", template, self.name).stdout.split()
        return status, int(code), int(pid)

    def log(self):
        ran = podman("logs", self.name, check=False)
        return ran.stdout + ran.stderr

    def wait_until(self, what, happened):
        def look():
            status, code, _ = self.state()
            if status != "running":
                raise AssertionError(f"{self.name} ended with {code} before {what}:\n{self.log()}")
            return happened()

        try:
            return wait_until(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def exit_code(self):
        wait_until(f"{self.name} ends", lambda: self.state()[0] == "exited")
        return self.state()[1]

    def stop(self, seconds):
        podman("stop", "--time", seconds, self.name)
        return self.state()[1]

    def remove(self):
        podman("rm", "--force", "--time", 0, self.name, check=False)


def service(network, name, **replaced):
    """A service of the compose file, as far as a network without others goes: names of services are loopback."""
    fields = {**COMPOSE["services"][name], **replaced}
    options = [f"--add-host={other}:127.0.0.1" for other in COMPOSE["services"]]
    for key, value in fields.get("environment", {}).items():
        options += ["--env", f"{key}={value}"]
    for volume in fields.get("volumes", []):
        source, rest = volume.split(":", 1)
        options += ["--volume", f"{(ROOT / 'deploy' / source).resolve()}:{rest}" if source.startswith(".") else f"{network.name}-{volume}"]
    for mount in fields.get("tmpfs", []):
        options += ["--tmpfs", mount]
    for key, flag in {"user": "--user", "mem_limit": "--memory", "pids_limit": "--pids-limit"}.items():
        if key in fields:
            options += [flag, str(fields[key])]
    options += ["--read-only"] if fields.get("read_only") else []
    options += [f"--cap-drop={capability}" for capability in fields.get("cap_drop", [])]
    options += [f"--security-opt={option.split(':')[0]}" for option in fields.get("security_opt", [])]
    entrypoint, command = fields.get("entrypoint", []), fields.get("command", [])
    if entrypoint:
        options += ["--entrypoint", entrypoint[0]]
    # What the compose file writes as $$ is one.
    command = [word.replace("$$", "$") for word in [*entrypoint[1:], *command]]
    return Container(network, name, fields["image"], *command, options=options)


def processes_of(pid):
    """What the kernel says of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)


def popen(network, *words, **options):
    return subprocess.Popen(network.command(*words), **options)
