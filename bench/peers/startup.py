"""startup: time to the first answer and peak memory, hone on a saved plan against ONNX Runtime on the ONNX file.

hone is timed from posix_spawn to the first byte of the answer that `hone run PLAN --input FOLDER` prints: loading the program,
mapping the plan, reading the inputs, one run, closing the plan. ONNX Runtime is timed from before the session is made
to after its first run, inside a fresh Python process whose imports and inputs are not counted. The two take turns; the
table shows minima and the ratio of medians. Peak memory is of the whole process; for ONNX Runtime that of Python, numpy and the inputs is taken off, so that
what counts is its library and its session, as hone's own code counts for hone. `idle` is `hone help`, a process that
does nothing, in the same turns."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

CHILD = """
import sys, time
import numpy as np
feeds = dict(np.load(sys.argv[2]))
def status(key):
    for line in open("/proc/self/status"):
        if line.startswith(key):
            return int(line.split()[1])
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
import onnxruntime as ort
so = ort.SessionOptions()
so.log_severity_level = 3
so.intra_op_num_threads, so.inter_op_num_threads = int(sys.argv[3]), 1
begin = time.perf_counter_ns()
s = ort.InferenceSession(sys.argv[1], so, providers=["CPUExecutionProvider"])
middle = time.perf_counter_ns()
s.run(None, feeds)
end = time.perf_counter_ns()
print((end - begin) * 1e-6, (end - middle) * 1e-6, status("VmHWM") - before)
"""


def arguments():
    p = argparse.ArgumentParser(prog="bench/peers/startup", description=__doc__.split("\n\n")[0])
    p.add_argument("--models", nargs="*", help="names of models; default: all of the folder")
    p.add_argument("--models-in", required=True, help="the folder of models")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--json", help="write the record there")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    return p.parse_args()


def spawn(o, n, *command):
    r = subprocess.run([os.path.join(o.build, "bench", "spawn"), str(n), *map(str, command)], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError("this failed: " + " ".join(map(str, command)))
    return json.loads(r.stdout)


def save_inputs(path, folder, file):
    model = onnx.load(path, load_external_data=False)
    made = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in made]
    np.savez(file, **{n: numpy_helper.to_array(onnx.load_tensor(str(folder / f"input_{k}.pb"))) for k, n in enumerate(names)})


def measure(o, name, folder):
    path = pathlib.Path(o.models_in) / name / "model.onnx"
    inputs, hone = path.parent / "test_data_set_0", os.path.join(o.build, "hone")
    subprocess.run([hone, "export", path, "--to", "plan", "--input", inputs, "--out", folder, "--quiet"], check=True,
                   capture_output=True)
    feeds = os.path.join(folder, "feeds.npz")
    save_inputs(path, inputs, feeds)
    run = [hone, "run", os.path.join(folder, "model.hone"), "--input", inputs, "--threads", o.threads, "--quiet"]
    ours, theirs, first, idle, peak_ours, peak_theirs = [], [], [], [], 0, 0
    for _ in range(o.rounds):
        got = spawn(o, 4, *run)
        ours += got["ms"][1:]
        peak_ours = max(peak_ours, got["peak_kib"])
        idle += spawn(o, 3, hone, "help")["ms"]
        total, run_ms, kib = map(float, subprocess.run([sys.executable, "-c", CHILD, str(path), feeds, str(o.threads)], check=True,
                                                       capture_output=True, text=True).stdout.split())
        theirs.append(total)
        first.append(run_ms)
        peak_theirs = max(peak_theirs, kib)
    return {"model": name, "hone_ms": {"min": min(ours), "median": statistics.median(ours)}, "idle_ms": min(idle),
            "ort_ms": {"min": min(theirs), "median": statistics.median(theirs)}, "ort_first_run_ms": min(first),
            "ratio": statistics.median(theirs) / statistics.median(ours), "ratio_of_minima": min(theirs) / min(ours),
            "hone_peak_kib": peak_ours, "ort_peak_kib": peak_theirs, "peak_ratio": peak_ours / max(peak_theirs, 1)}


def main():
    o = arguments()
    names = o.models or sorted(d.name for d in pathlib.Path(o.models_in).iterdir() if (d / "model.onnx").exists())
    print(f"{o.threads} thread{'s' * (o.threads > 1)}; memory in MiB, ONNX Runtime's without Python")
    print(f"{'model':32} {'hone ms':>8} {'idle':>7} {'ORT ms':>8} {'ratio':>6} {'minima':>6} {'hone MiB':>9} {'ORT MiB':>8} {'share':>6}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            r = measure(o, name, folder)
            rows.append(r)
            print(f"{name:32} {r['hone_ms']['min']:8.2f} {r['idle_ms']:7.2f} {r['ort_ms']['min']:8.2f} {r['ratio']:6.2f} "
                  f"{r['ratio_of_minima']:6.2f} {r['hone_peak_kib'] / 1024:9.1f} {r['ort_peak_kib'] / 1024:8.1f} {r['peak_ratio']:6.2f}",
                  flush=True)
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps({"kind": "startup", "threads": o.threads, "models": rows},
                                                   indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
