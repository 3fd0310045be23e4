"""job.sh, run for real: in any environment, the job's own Python runs."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest

JOB_SH = resources.files("condor").joinpath("job.sh").read_text()
TRY_AGAIN = 75

#: Stands for the code of the scan: prints what it sees, and exits or waits on request.
PROBE = """
import json, os, signal, sys, time
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append(1))
names = ("PYTHONPATH", "PATH", "OMP_NUM_THREADS", "FAKE_ICETRAY", "FAKE_PYTHON", "FAKE_ROOT")
names += ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
seen = {name: os.environ.get(name) for name in names}
print(json.dumps({"arguments": sys.argv[1:], "code": __file__, **seen}), flush=True)
if sys.argv[1:2] == ["wait"]:
    while not signals:
        time.sleep(0.01)
    time.sleep(0.3)  # for a second signal, if one is on its way
    print(len(signals), flush=True)
    sys.exit(85)
sys.exit(int(sys.argv[2]) if sys.argv[1:2] == ["exit"] else 0)
"""

#: As icetray's env-shells do: they prepend to PYTHONPATH, stay as a parent process, split the
#: first word, and print text.
ENV_SHELL = """#!/bin/sh
echo "W E L C O M E"
command=$1
shift
PATH="{bin}:$PATH" PYTHONPATH="/fake/icetray:$PYTHONPATH" FAKE_ICETRAY="it's \\"1\\" \\$2
3" $command "$@"
status=$?
echo "good bye"
exit $status
"""
EXEC_SHELL = """#!/bin/sh
export PATH="{bin}:$PATH" PYTHONPATH=/fake/icetray FAKE_ICETRAY=exec
cd /
exec "$@"
"""


@pytest.fixture
def job(tmp_path):
    """Return the folder of a job, with an environment beside it that has its own Python."""
    folder = tmp_path / "a job's folder"
    folder.mkdir()
    with zipfile.ZipFile(folder / "skyscan.zip", "w") as code:
        code.writestr("skyscan/__init__.py", "")
        code.writestr("skyscan/__main__.py", PROBE)
    write_script(folder / "job.sh", JOB_SH)
    (tmp_path / "bin").mkdir()
    write_script(
        tmp_path / "bin" / "python3",
        f'#!/bin/sh\nFAKE_PYTHON=1 exec "{sys.executable}" "$@"\n',
    )
    return folder


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def env_shell(job: Path, text: str = ENV_SHELL, name: str = "my env-shell.sh") -> str:
    bin_folder = job.parent / "bin"
    return str(write_script(job.parent / name, text.format(bin=bin_folder)))


def start(job: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["./job.sh", *arguments],
        cwd=job,
        env={"PATH": os.defpath, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(job: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(job, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def seen(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


BOTH = pytest.mark.parametrize("text", [ENV_SHELL, EXEC_SHELL], ids=["stays", "execs"])


def test_the_host_runtime_runs_its_interpreter(job):
    found = seen(run(job, "prep", SKYSCAN_PYTHON=sys.executable))
    assert found["code"] == str(job / "skyscan.zip" / "skyscan" / "__main__.py")
    assert found["FAKE_PYTHON"] is None
    assert found["OMP_NUM_THREADS"] == "1"
    named = seen(run(job, "prep", SKYSCAN_PYTHON=str(job.parent / "bin" / "python3")))
    assert named["FAKE_PYTHON"] == "1"


def with_kernels(job: Path, text: str) -> Path:
    """Add what stands for `skyscan.job.kernels` to a job's code."""
    with zipfile.ZipFile(job / "skyscan.zip", "a") as code:
        code.writestr("skyscan/job/__init__.py", "")
        code.writestr("skyscan/job/kernels.py", text)
    return job


@pytest.mark.skipif(
    " avx2 " not in Path("/proc/cpuinfo").read_text(), reason="needs a processor with AVX2"
)
def test_jobs_use_the_same_kernels_on_all_machines_if_the_site_says_so(job):
    with_kernels(
        job,
        'import os; print("AVX512F,X86_V4", "NPY_DISABLE_CPU_FEATURES" in os.environ, sep=",")',
    )
    of_an_image = {"OPENBLAS_CORETYPE": "Zen", "NPY_DISABLE_CPU_FEATURES": "AVX512_KNL"}
    found = seen(run(job, "prep", SKYSCAN_PYTHON=sys.executable, **of_an_image))
    assert {name: found[name] for name in of_an_image} == of_an_image
    found = seen(
        run(job, "x", SKYSCAN_PYTHON=sys.executable, SKYSCAN_KERNELS="avx2", **of_an_image)
    )
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert found["NPY_DISABLE_CPU_FEATURES"] == "AVX512F,X86_V4,False"


@pytest.mark.parametrize("earlier", [b"frames of an earlier start", None])
def test_the_file_of_frames_is_there_even_if_the_job_fails_at_once(job, earlier):
    if earlier is not None:
        (job / "0.frames").write_bytes(earlier)
    words = ("reco", "--earlier-frames", "0.frames", "--frames", "0.new.frames")
    assert run(job, *words, SKYSCAN_PYTHON="/nowhere/python").returncode == TRY_AGAIN
    assert (job / "0.new.frames").read_bytes() == (earlier or b"")
    (job / "0.new.frames").write_bytes(b"newer")
    assert run(job, *words, SKYSCAN_PYTHON="/nowhere/python").returncode == TRY_AGAIN
    assert (job / "0.new.frames").read_bytes() == b"newer"


def test_a_python_that_is_killed_may_run_elsewhere(job):
    killed = write_script(job.parent / "killed", "#!/bin/sh\nkill -9 $$\n")
    done = run(job, "prep", SKYSCAN_PYTHON=str(killed))
    assert done.returncode == TRY_AGAIN
    assert "was killed by signal 9" in done.stderr


def test_a_python_that_is_too_old_is_named_and_no_try_helps(job):
    old = write_script(
        job.parent / "old",
        '#!/bin/sh\n[ "$1" = --version ] && exec echo Python 3.6.8\nexit 3\n',
    )
    done = run(job, "prep", SKYSCAN_PYTHON=str(old))
    assert done.returncode == 65
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"skyscan: error: {old} is Python 3.6.8 on ")
    assert line.endswith("choose another --runtime (exit 65)")


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (b"\x7fELF of another machine", "cannot be executed"),
        (b"#!/nowhere/interpreter\n", "cannot be executed"),
        (
            b"#!/bin/sh\necho 'libpython3.13.so: not found' >&2\nexit 127\n",
            "cannot be executed",
        ),
        (b"#!/bin/sh\necho Fatal Python error >&2\nexit 1\n", "does not start"),
    ],
    ids=["format", "shebang", "library", "itself"],
)
def test_a_python_that_does_not_start_is_not_called_too_old(job, program, error):
    broken = job.parent / "broken"
    broken.write_bytes(program)
    broken.chmod(0o755)
    done = run(job, "prep", SKYSCAN_PYTHON=str(broken))
    assert done.returncode == TRY_AGAIN
    first, *_, last = done.stderr.splitlines()
    assert not first.startswith("skyscan: ")  # what the shell or the program says of it
    assert last.startswith(f"skyscan: error: {broken} {error} on ")


@BOTH
def test_an_env_shell_provides_python_and_modules_behind_the_code_of_the_scan(job, text):
    found = seen(run(job, "prep", SKYSCAN_ENV_SHELL=env_shell(job, text)))
    assert found["FAKE_PYTHON"] == "1"
    assert found["code"] == str(job / "skyscan.zip" / "skyscan" / "__main__.py")
    first, second, *_ = found["PYTHONPATH"].split(":")
    assert (first, second) == (str(job / "skyscan.zip"), "/fake/icetray")


def test_the_environment_of_an_env_shell_is_kept_and_its_output_goes_to_stderr(job):
    done = run(job, "prep", SKYSCAN_ENV_SHELL=env_shell(job))
    assert seen(done)["FAKE_ICETRAY"] == 'it\'s "1" $2\n3'
    assert done.stderr.splitlines() == ["W E L C O M E", "good bye"]


@pytest.mark.parametrize("environment", [{}, {"PYTHONPATH": "/mine"}])
def test_an_existing_python_path_comes_last(job, environment):
    found = seen(run(job, "x", SKYSCAN_PYTHON=sys.executable, **environment))
    assert found["PYTHONPATH"].split(":")[1:] == list(environment.values())
    found = seen(run(job, "x", SKYSCAN_ENV_SHELL=env_shell(job), **environment))
    ours, *rest = found["PYTHONPATH"].rstrip(":").split(":")
    assert (ours, rest) == (str(job / "skyscan.zip"), ["/fake/icetray", *environment.values()])


RUNTIMES = pytest.mark.parametrize("runtime", ["host", "stays", "execs"])


def environment_of(job: Path, runtime: str) -> dict[str, str]:
    if runtime == "host":
        return {"SKYSCAN_PYTHON": sys.executable}
    text = ENV_SHELL if runtime == "stays" else EXEC_SHELL
    return {"SKYSCAN_ENV_SHELL": env_shell(job, text)}


@RUNTIMES
def test_arguments_arrive_unchanged(job, runtime):
    arguments = ["a b", "it's", '"q"', "$HOME", "`ls`", "", "*", "\\", "ünicode\nline"]
    found = seen(run(job, *arguments, **environment_of(job, runtime)))
    assert found["arguments"] == arguments


@RUNTIMES
@pytest.mark.parametrize("code", [0, 1, 65, 69, 70, 75, 80, 85])
def test_exit_codes_pass_unchanged(job, runtime, code):
    assert run(job, "exit", str(code), **environment_of(job, runtime)).returncode == code


@RUNTIMES
@pytest.mark.parametrize("to_all", [False, True], ids=["to the job", "to its whole group"])
def test_sigterm_reaches_python_once_and_its_exit_code_is_that_of_the_job(job, runtime, to_all):
    process = start(job, "wait", **environment_of(job, runtime))
    process.stdout.readline()
    if to_all:
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (85, "1\n")


@RUNTIMES
def test_a_startup_folder_is_created_for_prep_and_a_transferred_one_is_kept(job, runtime):
    run(job, "prep", **environment_of(job, runtime))
    assert (job / "startup").is_dir()
    (job / "startup" / "startup.json").write_text("{}")
    run(job, "reco", **environment_of(job, runtime))
    assert (job / "startup" / "startup.json").read_text() == "{}"


def test_a_failed_job_returns_at_least_the_records_it_received(job):
    (job / "0.rec").write_bytes(b"records of an earlier try")
    words = ("reco", "--earlier", "0.rec", "--result", "0.new.rec")
    done = run(job, *words, SKYSCAN_PYTHON="/no/python")
    assert done.returncode == TRY_AGAIN
    assert (job / "0.new.rec").read_bytes() == b"records of an earlier try"
    (job / "0.new.rec").write_bytes(b"a checkpoint of this one")
    seen(run(job, *words, SKYSCAN_PYTHON=sys.executable))
    assert (job / "0.new.rec").read_bytes() == b"a checkpoint of this one"


def test_damaged_code_does_not_run(job):
    whole = sha256((job / "skyscan.zip").read_bytes()).hexdigest()
    variables = {"SKYSCAN_PYTHON": sys.executable, "SKYSCAN_CODE_SHA256": whole}
    seen(run(job, "prep", **variables))
    with (job / "skyscan.zip").open("ab") as code:
        code.write(b"x")  # the zip stays valid
    done = run(job, "prep", **variables)
    assert (done.returncode, done.stdout) == (TRY_AGAIN, "")
    assert "skyscan.zip is damaged" in done.stderr


def test_a_job_without_path_gets_one(job):
    process = subprocess.run(
        ["./job.sh", "x"],
        cwd=job,
        env={"SKYSCAN_ENV_SHELL": env_shell(job)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = seen(process)["PATH"].split(":")
    assert found[0] == str(job.parent / "bin")
    assert "/usr/bin" in found


IGNORES_ITS_COMMAND = "#!/bin/sh\nexit 0\n"
REFUSES = "#!/bin/sh\necho 'Environment not (re)loaded.'\nexit 2\n"
NO_PYTHON = '#!/bin/sh\nPATH=/nowhere exec "$@"\n'


def test_a_missing_runtime_is_one_line_and_the_job_tries_another_machine(job):
    for missing, environment in {
        "/no/env-shell.sh": {"SKYSCAN_ENV_SHELL": "/no/env-shell.sh"},
        "refuses.sh": {"SKYSCAN_ENV_SHELL": env_shell(job, REFUSES, "refuses.sh")},
        "ignores.sh": {"SKYSCAN_ENV_SHELL": env_shell(job, IGNORES_ITS_COMMAND, "ignores.sh")},
        "no python3": {"SKYSCAN_ENV_SHELL": env_shell(job, NO_PYTHON, "lacks.sh")},
        "/no/python": {"SKYSCAN_PYTHON": "/no/python"},
        "no-such-python": {"SKYSCAN_PYTHON": "no-such-python"},
        "py3-v9/setup.sh": {"SKYSCAN_ENV_SHELL": "py3-v9/icetray/v1.12.0"},
    }.items():
        done = run(job, "prep", **environment)
        assert done.returncode == TRY_AGAIN, environment
        assert done.stdout == ""
        *output, line = done.stderr.splitlines()
        assert line.startswith("skyscan: error: ")
        assert missing in line
        assert output == (["Environment not (re)loaded."] if missing == "refuses.sh" else [])
        assert (job / "startup").is_dir()  # otherwise the job would be held, not retried


SETUP = """#!/bin/sh
here=$(cd "${0%/*}" && pwd)
case ${SHELL##*/} in *csh) echo "setenv SROOT $here/Fake_1 ;" ; exit ;; esac
echo 'export SROOT="'$here'/Fake_1" ;'
echo 'export FAKE_ROOT="'$here'/Fake_1" ;'
echo 'export PATH="/of/cvmfs:'$PATH'" ;'
"""


def on_fake_cvmfs(job: Path) -> Path:
    """Let job.sh search /cvmfs beside the job; return IceCube's folder there."""
    root = job.parent / "cvmfs"
    write_script(job / "job.sh", JOB_SH.replace("base=/cvmfs/", f"base='{root}'/"))
    icecube = root / "icecube.opensciencegrid.org"
    write_script(icecube / "py3-v4.4.1" / "setup.sh", SETUP)
    return icecube


@pytest.mark.parametrize("name", ["env-shell.sh", "bin/icetray-shell"])
@pytest.mark.parametrize("shell", [{}, {"SHELL": "/bin/tcsh"}], ids=["no shell", "tcsh"])
def test_the_short_form_names_the_metaproject_for_this_system_on_cvmfs(job, name, shell):
    root = on_fake_cvmfs(job) / "py3-v4.4.1" / "Fake_1"
    env_shell(job, name=str(root / "metaprojects" / "icetray" / "v1.12.0" / name))
    found = seen(run(job, "x", SKYSCAN_ENV_SHELL="py3-v4.4.1/icetray/v1.12.0", **shell))
    assert found["FAKE_ROOT"] == str(root)
    assert found["FAKE_ICETRAY"]
    assert "/of/cvmfs" in found["PATH"].split(":")


def test_a_metaproject_that_is_missing_on_cvmfs_is_named(job):
    on_fake_cvmfs(job)
    done = run(job, "x", SKYSCAN_ENV_SHELL="py3-v4.4.1/icetray/v9")
    assert done.returncode == TRY_AGAIN
    assert "Fake_1/metaprojects/icetray/v9/env-shell.sh" in done.stderr


def in_fake_image(job: Path) -> Path:
    """Let job.sh search an image's icetray beside the job; return the root of the image."""
    root = job.parent / "image"
    inside = JOB_SH.replace(" /opt/icetray", f" {root}/opt/icetray")
    write_script(job / "job.sh", inside.replace(" /usr/local", f" {root}/usr/local"))
    return root


@pytest.mark.parametrize(
    "name", ["opt/icetray/bin/icetray-shell", "usr/local/icetray/env-shell.sh"]
)
def test_in_a_container_the_icetray_of_the_image_is_loaded_like_by_its_entry_point(job, name):
    env_shell(job, name=str(in_fake_image(job) / name))
    found = seen(run(job, "x", SKYSCAN_ENV_SHELL="image"))
    assert (found["FAKE_PYTHON"], bool(found["FAKE_ICETRAY"])) == ("1", True)


def test_in_a_container_without_icetray_plain_python_runs(job):
    in_fake_image(job)
    path = f"{job.parent / 'bin'}:{os.defpath}"
    found = seen(run(job, "x", SKYSCAN_ENV_SHELL="image", PATH=path))
    assert (found["FAKE_PYTHON"], found["FAKE_ICETRAY"]) == ("1", None)


def test_outside_of_a_container_an_icetray_in_the_same_folder_is_ignored(job):
    env_shell(job, name=str(in_fake_image(job) / "opt/icetray/bin/icetray-shell"))
    found = seen(run(job, "x", SKYSCAN_PYTHON=sys.executable))
    assert found["FAKE_ICETRAY"] is None
