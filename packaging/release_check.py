"""Whether what would be released works: ``make release-check``.

An sdist and, from it, a wheel are built; each must hold every file of the checkout that it should. Each is installed in a
clean environment of each Python (`interpreters`), first bare, then with the extras `demo` and `compressed`, and used from
a folder that has nothing to do with the source. With ``--python 3.12`` only that one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from interpreters import SUPPORTED, interpreters

ROOT = Path(__file__).resolve().parent.parent
PACKAGED = ("dissectors/", "captures/", "analysis/", "hanscope.py")
"""What of the checkout stands in the wheel."""
LEFT_OUT = (".ci/",)
"""What of the checkout is not in the sdist."""
HEAVY = ("pandas", "pyarrow", "scapy", "simpy", "jinja2", "rich")
OPTIONAL = ("simpy", "jinja2", "zstandard", "lz4", "typer", "textual", "starlette", "sklearn")
"""What a bare installation does not bring."""
PLUGGED = ("hanscope.clusters", "hanscope.rules", "hanscope.sniffers", "hanscope.reports", "hanscope.verbs")
SAMPLE = "import captures.samples as s; print(list(s.__path__)[0])"


class Failed(Exception):
    """Something is not as it should be."""


def built(folder: Path) -> list[Path]:
    """The sdist and the wheel, which is built from the sdist."""
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT], ROOT)
    return [next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))]


def missing_files(packages: Iterable[Path]) -> Iterator[str]:
    """Files of the checkout that a package lacks, and files that it has and the checkout does not."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = set(listed.stdout.splitlines())
    for package in packages:
        if package.suffix == ".whl":
            wanted = {one for one in tracked if one.startswith(PACKAGED)} | {"hanscope-stubs/__init__.pyi"}
            with zipfile.ZipFile(package) as file:
                held = {one for one in file.namelist() if ".dist-info/" not in one}
        else:
            wanted = {one for one in tracked if not one.startswith(LEFT_OUT)} | {"PKG-INFO"}
            with tarfile.open(package) as archive:
                held = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
        yield from (f"{package.name} lacks {one}" for one in sorted(wanted - held))
        yield from (
            f"{package.name} holds {one}, which is not in the checkout" for one in sorted(held - wanted)
        )


def run(
    words: Sequence[str | Path], folder: Path, *, codes: Sequence[int] = (0,), home: Path | None = None
) -> str:
    """What a command prints, or else what it says on stderr; one that ends with another code fails the check."""
    kept = ("PATH", "LANG", "UV_", "PIP_", "SSL_", "HTTP", "http", "https", "SYSTEMROOT", "TEMP")
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    environment |= {"HOME": str(home)} if home else {"HOME": os.environ.get("HOME", "")}
    done = subprocess.run(
        [str(one) for one in words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in codes:
        said = (done.stdout + done.stderr)[-3000:]
        raise Failed(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{said}")
    return done.stdout or done.stderr


class Environment:
    """A clean environment with one package in it, and a folder to work in."""

    def __init__(self, python: Path, place: Path) -> None:
        self.work = place / "work"
        self.home = place / "home"
        self.work.mkdir(parents=True)
        self.home.mkdir()
        self.uv = shutil.which("uv")
        if self.uv:
            run([self.uv, "venv", "--quiet", "--python", python, place / "venv"], place)
        else:
            run([python, "-m", "venv", place / "venv"], place)
        self.bin = place / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def install(self, what: str) -> None:
        """A package with its dependencies, newest versions."""
        if self.uv:
            run([self.uv, "pip", "install", "--quiet", "--python", self.bin / "python", what], self.work)
        else:
            run([self.bin / "python", "-m", "pip", "install", "--quiet", what], self.work)

    def python(self, code: str) -> str:
        """What a piece of Python prints."""
        return run([self.bin / "python", "-I", "-c", code], self.work, home=self.home).strip()

    def hanscope(self, *words: str | Path, codes: Sequence[int] = (0,)) -> str:
        """What the command says."""
        return run([self.bin / "hanscope", *words], self.work, codes=codes, home=self.home)


def expect(holds: object, what: str) -> None:
    """Fail the check unless `holds`."""
    if not holds:
        raise Failed(what)


def bare(one: Environment) -> None:
    """What works without any extra: decode, show, check; and what does not says which extra it needs."""
    have = one.python(f"import importlib.util as u; print(*[m for m in {OPTIONAL!r} if u.find_spec(m)])")
    expect(not have, f"a bare installation brings {have}")
    loaded = one.python(
        f"import sys, hanscope as hs; hs.open; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    expect(not loaded, f"import hanscope loads {loaded}")
    samples = Path(one.python(SAMPLE))
    capture, keys = samples / "gbcs-messages.pcapng", samples / "gbcs-messages.keys.toml"
    one.hanscope("decode", capture, "--keys", keys, "--out", "tables")
    expect((one.work / "tables" / "messages.parquet").exists(), "decode writes no messages.parquet")
    expect(
        "use_case: ECS17b" in one.hanscope("show", capture, "--message", "1", "--keys", keys),
        "show tells nothing of a GBCS message",
    )
    found = one.hanscope("check", capture, "--keys", keys, "--jsonl", "--quiet", codes=(0, 1))
    expect(
        all(json.loads(line)["rule"] for line in found.splitlines()), "check finds nothing that can be read"
    )
    one.hanscope("stats", capture, "--keys", keys)
    one.hanscope("message", "DD 00", codes=(4,))
    one.hanscope("--help")
    for words in (["demo"], ["simulate", "--list"], ["report", capture, "-o", "r.html"]):
        said = one.hanscope(*words, codes=(2,))
        expect("hanscope[demo]" in said and "Traceback" not in said, f"{words}: {said}")


def whole(one: Environment) -> None:
    """The demonstration, a check of what it made, and a compressed capture."""
    said = one.hanscope("demo", "--out", "demo", "--quiet")
    expect("report.html" in said, said)
    expect(
        "<html" in (one.work / "demo/report.html").read_text("utf-8")[:500].lower(), "the report is no page"
    )
    han = ("demo/han.pcapng", "--keys", "demo/keys.toml")
    said = one.hanscope("check", *han, "--fail-on", "critical", codes=(1,))
    expect("mac-invalid" in said, said)
    one.python(
        "import lz4.frame, zstandard; from pathlib import Path; octets = Path('demo/han.pcapng').read_bytes();"
        "Path('a.pcapng.zst').write_bytes(zstandard.compress(octets));"
        "Path('a.pcapng.lz4').write_bytes(lz4.frame.compress(octets))"
    )
    counts = [one.hanscope("decode", name, "--table", "packets", "--format", "jsonl", "-q").count("\n")
              for name in ("demo/han.pcapng", "a.pcapng.zst", "a.pcapng.lz4")]  # fmt: skip
    expect(len(set(counts)) == 1 and counts[0] > 1000, f"rows of the same capture: {counts}")
    expect("mac" in one.hanscope("why", *han), "why tells nothing")


def plugged(one: Environment) -> None:
    """The template of a plug-in, built as a package of its own: seen in lists, trees, filters, findings, reports."""
    one.install(str(ROOT / "packaging" / "plug_in"))
    said = one.hanscope("plug-ins")
    expect(all(group in said for group in PLUGGED), said)
    expect("acme:" in one.hanscope("sniff", "--list"), "no sniffer of the plug-in")
    expect("acme-lid-open" in one.hanscope("check", "--list-rules"), "no rule of the plug-in")
    one.hanscope("sniff", "acme:", "-o", "acme.pcapng")
    said = one.hanscope("show", "acme.pcapng", "2")
    expect("Lid Report" in said and "1 (Open)" in said, said)
    chosen = ("--where", "command_name == 'Lid Report' and number == 120")
    rows = one.hanscope("decode", "acme.pcapng", "--table", "commands", "--format", "jsonl", *chosen)
    expect(rows.count("\n") == 1 and '"seconds"' in rows, rows)
    expect("acme-lid-open" in one.hanscope("check", "acme.pcapng"), "the plug-in's rule finds nothing")
    one.hanscope("report", "acme.pcapng", "-o", "acme.html")
    expect("<h2>Acme</h2>" in (one.work / "acme.html").read_text("utf-8"), "no chapter of the plug-in")
    expect("Lid Report" in one.hanscope("acme", "acme.pcapng"), "the plug-in's verb says nothing")


def checked(package: Path, version: str, python: Path, place: Path) -> None:
    """One package on one Python."""
    one = Environment(python, place)
    one.install(str(package))
    bare(one)
    one.install(f"hanscope[demo,compressed] @ {package.as_uri()}")
    whole(one)
    plugged(one)
    expect(
        one.python("import sys; print('%d.%d' % sys.version_info[:2])") == version, f"not Python {version}"
    )


def main() -> int:
    """Build, compare, install, use; returns how many checks failed."""
    reader = argparse.ArgumentParser(description="Whether what would be released works.")
    reader.add_argument("--python", action="append", choices=SUPPORTED, help="only this one")
    wanted = reader.parse_args().python or SUPPORTED
    say, failed = sys.stdout.write, 0
    with tempfile.TemporaryDirectory(prefix="hanscope-release-") as folder:
        packages = built(Path(folder) / "dist")
        for line in missing_files(packages):
            say(f"FAILED  {line}\n")
            failed += 1
        found = interpreters()
        for version in wanted:
            for package in packages if version in found else []:
                place = Path(folder) / version / package.suffix[1:]
                try:
                    checked(package, version, found[version], place)
                    say(f"ok      Python {version}, {package.name}\n")
                except Failed as error:
                    say(f"FAILED  Python {version}, {package.name}: {error}\n")
                    failed += 1
                sys.stdout.flush()
                shutil.rmtree(place, ignore_errors=True)
            if version not in found:
                say(f"absent  Python {version}: not on this machine\n")
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
