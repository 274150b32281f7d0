"""peers: hone against ONNX Runtime (and OpenVINO) on every model of a folder, interleaved in one process.

A round gives every engine a slice of about 30 ms in turn; a slice's time is the median of its calls, a round's ratio is
peer / hone (above 1: hone is faster), and the table shows medians over the rounds and the spread between their quartiles.
Results are compared before anything is timed."""
import argparse
import datetime
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import numpy_helper

import engines

RTOL, ATOL = 1e-3, 1e-4


def arguments():
    p = argparse.ArgumentParser(prog="bench/peers/run", description=__doc__.split("\n\n")[0])
    p.add_argument("--models", nargs="*", help="names of models, or model files; default: all of the folder")
    p.add_argument("--models-in", required=True, help="the folder of models")
    p.add_argument("--batch", type=int, default=0, help="samples a run, where the first dimension of every input is free")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--slice-ms", type=float, default=30)
    p.add_argument("--isa", help="cap hone's instruction set")
    p.add_argument("--openvino", action="store_true")
    p.add_argument("--profile", type=int, default=0, metavar="K", help="list hone's K slowest steps of each model")
    p.add_argument("--json", help="write the record there")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    return p.parse_args()


def cases(o):
    if not o.models and not os.path.isdir(o.models_in):
        sys.exit(f"peers: no folder {o.models_in}; set HONE_DATA to the folder that holds models/, or name files with --models")
    names = o.models or sorted(d.name for d in pathlib.Path(o.models_in).iterdir() if (d / "model.onnx").exists())
    for n in names:
        path = pathlib.Path(n) if n.endswith(".onnx") else pathlib.Path(o.models_in) / n / "model.onnx"
        yield (path.parent.name if path.name == "model.onnx" else path.stem), path


class Case:
    """A model, its first data set (shaped to the batch asked for) and what kind of model it is."""

    def __init__(self, path, batch):
        self.path = path
        model = onnx.load(path, load_external_data=False)
        ops = {n.op_type for n in model.graph.node}
        self.qdq = bool(ops & {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger"})
        made = {t.name for t in model.graph.initializer}
        graph_inputs = [i for i in model.graph.input if i.name not in made]
        files = path.parent / "test_data_set_0"
        self.inputs, self.expected = {}, []
        for k, i in enumerate(graph_inputs):
            t = onnx.load_tensor(str(files / f"input_{k}.pb"))
            self.inputs[i.name] = np.array(numpy_helper.to_array(t), order="C")
        for k in range(len(model.graph.output)):
            f = files / f"output_{k}.pb"
            self.expected.append(numpy_helper.to_array(onnx.load_tensor(str(f))) if f.exists() else None)
        first = [i.type.tensor_type.shape.dim[0] if i.type.tensor_type.shape.dim else None for i in graph_inputs]
        free = all(d is not None and not d.HasField("dim_value") for d in first) and all(a.ndim > 1 for a in self.inputs.values())
        if batch and free and len({d.dim_param for d in first}) == 1:
            for n, a in self.inputs.items():
                self.inputs[n] = np.array(np.resize(a, (batch,) + a.shape[1:]))
            self.expected = []
        self.fixed, clash = {}, set()
        for i in graph_inputs:
            for d, v in zip(i.type.tensor_type.shape.dim, self.inputs[i.name].shape):
                if d.dim_param and self.fixed.setdefault(d.dim_param, v) != v:
                    clash.add(d.dim_param)
        for d in clash:
            del self.fixed[d]
        self.shapes = {n: list(a.shape) for n, a in self.inputs.items()}

    def save_inputs(self, folder):
        for k, (name, a) in enumerate(self.inputs.items()):
            (pathlib.Path(folder) / f"input_{k}.pb").write_bytes(numpy_helper.from_array(a, name).SerializeToString())


def compare(got, want):
    """Largest excess over the tolerance (<= 1 passes), largest difference, share of equal row maxima."""
    worst, diff, same = 0.0, 0.0, 1.0
    for g, w in zip(got, want):
        if w is None:
            continue
        if g.shape != w.shape:
            return math.inf, math.inf, 0.0
        if not g.size:
            continue
        g, w = g.astype(np.float64), w.astype(np.float64)
        if not np.array_equal(np.isnan(g), np.isnan(w)):
            return math.inf, math.inf, 0.0
        d = np.abs(np.nan_to_num(g) - np.nan_to_num(w))
        worst = max(worst, float((d / (ATOL + RTOL * np.abs(np.nan_to_num(w)))).max()))
        diff = max(diff, float(d.max()))
        if g.ndim > 1 and g.shape[-1] > 1:
            same = min(same, float((g.argmax(-1) == w.argmax(-1)).mean()))
    return worst, diff, same


def time_slice(call, seconds):
    clock, times = time.perf_counter_ns, []
    call()
    end = clock() + int(seconds * 1e9)
    while True:
        a = clock()
        call()
        b = clock()
        times.append(b - a)
        if b >= end:
            return statistics.median(times) * 1e-6, min(times) * 1e-6


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    q = statistics.quantiles(values, n=4)
    return q[0], q[2]


def duel(runners, o):
    """Rounds in the order A B C, then C B A, so that drift favours nobody."""
    took = {r.name: [] for r in runners}
    best = {r.name: math.inf for r in runners}
    for r in runners:
        time_slice(r.call, 0.5 * o.slice_ms * 1e-3)
    for k in range(o.rounds):
        for r in runners if k % 2 == 0 else runners[::-1]:
            if o.threads > 1:
                time.sleep(0.005)  # threads of the other engine stop spinning
            mid, least = time_slice(r.call, o.slice_ms * 1e-3)
            took[r.name].append(mid)
            best[r.name] = min(best[r.name], least)
    out = {}
    for r in runners:
        lo, hi = quartiles(took[r.name])
        out[r.name] = {"median_ms": statistics.median(took[r.name]), "min_ms": best[r.name], "quartiles_ms": [lo, hi]}
        if r.name != "hone":
            ratios = [b / a for a, b in zip(took["hone"], took[r.name])]
            out[r.name]["ratio"] = statistics.median(ratios)
            out[r.name]["ratio_quartiles"] = list(quartiles(ratios))
            out[r.name]["ratio_of_minima"] = best[r.name] / best["hone"]
    peers = [took[r.name] for r in runners if r.name not in ("hone", "saturating")]
    if len(peers) > 1:
        ratios = [min(t) / a for a, t in zip(took["hone"], zip(*peers))]
        out["faster_peer"] = {"ratio": statistics.median(ratios), "ratio_quartiles": list(quartiles(ratios))}
    return out


def hone_json(o, *args):
    cmd = [os.path.join(o.build, "hone"), *map(str, args), "--json", "--threads", str(o.threads)]
    if o.isa:
        cmd += ["--isa", o.isa]
    r = subprocess.run(cmd, capture_output=True, text=True)
    try:
        return json.loads(r.stdout)
    except ValueError:
        return {"error": r.stderr.strip() or f"exit {r.returncode}"}


def measure(name, path, library, o):
    row = {"model": name}
    c = Case(path, o.batch)
    row.update(kind="qdq" if c.qdq else "fp32", inputs=c.shapes)
    hone = engines.Hone(library, path, c.inputs)

    def onnxruntime(**how):
        try:
            return engines.OnnxRuntime(str(path), c.inputs, o.threads, fixed=c.fixed, **how)
        except Exception:  # a name that stands for two sizes further inside
            row["free_dimensions"] = "left free"
            return engines.OnnxRuntime(str(path), c.inputs, o.threads, **how)

    ort = onnxruntime()
    # Without VNNI ONNX Runtime's 8-bit sums saturate at 16 bits. Where it then misses what the data set holds, it is set to
    # exact sums, and what it takes as it comes is told beside.
    saturating = None
    if c.qdq and any(w is not None for w in c.expected):
        worst, diff, same = compare(ort.outputs(), c.expected)
        if worst > 1 and same < 1:
            saturating, ort = ort, onnxruntime(exact=True)
            saturating.name = "saturating"
            row["saturates"] = {"max_diff": diff, "same_row_maxima": same}
    runners = [hone, ort]
    if o.openvino:
        try:
            runners.append(engines.OpenVino(str(path), c.inputs, o.threads))
        except Exception as e:
            row["openvino_error"] = str(e).split("\n")[0][:200]
    if saturating:
        runners.append(saturating)
    results = {r.name: r.outputs() for r in runners}
    for key, want in (("against_onnxruntime", results["onnxruntime"]), ("against_data_set", c.expected)):
        if any(w is not None for w in want):
            worst, diff, same = compare(results["hone"], want)
            row[key] = {"error_over_tolerance": worst, "max_diff": diff, "same_row_maxima": same}
            # Of 8-bit models a rounding may differ by one step; their answers must not.
            row[key]["same"] = worst <= 1 or (c.qdq and same == 1)
    row["correct"] = row["against_onnxruntime"]["same"]
    row.update(duel(runners, o))
    for r in runners:
        r.close()
    with tempfile.TemporaryDirectory() as folder:
        c.save_inputs(folder)
        bench = hone_json(o, "bench", path, "--input", folder, "--profile", "--seconds", 0.2)
    if "error" in bench:
        row["profile_error"] = bench["error"]
    else:
        steps = bench["ops"]
        row["macs"] = bench["flops"] / 2
        row["peak_gflops"], row["peak_gops"] = bench["roofline"]["peak_gflops"], bench["roofline"]["peak_gops"]
        row["bytes"], row["bandwidth_gbs"] = bench["modelled_bytes"], bench["roofline"]["bandwidth_gbs"]
        row["flops_of"] = {k: sum(s["flops"] for s in steps if s["kind"] == k) for k in ("f32", "int8")}
        row["steps"] = [{k: s[k] for k in ("name", "op", "shape", "driver", "reason", "kind", "us", "flops", "bytes", "bound",
                                           "percent_of_peak")} for s in steps]
    return row


RECURRENT = {"GRU": 3, "LSTM": 4, "RNN": 1}  # products with the state a step


def over_limit(steps, rates):
    """Where the time above the limit goes: (share of the time lost, text) of each kind of step, the largest first."""
    kinds = {}
    for s in steps:
        least = max(s["flops"] / rates[s["kind"]] * 1e-3, s["bytes"] / rates["bandwidth"] * 1e-3)
        short = s["us"] < 3 and s["op"] not in RECURRENT
        k = kinds.setdefault("short" if short else s["op"], {"n": 0, "us": 0.0, "least": 0.0, "again": 0.0, "wait": False})
        k["n"], k["us"], k["least"] = k["n"] + 1, k["us"] + s["us"], k["least"] + least
        dims = [int(d) for d in s["shape"].partition("[")[2].rstrip("]").split(",") if d.isdigit()]
        k["wait"] |= s["op"] in RECURRENT and dims[:1] != [1]
        if s["op"] in RECURRENT and len(dims) == 4:
            k["again"] += (dims[0] - 1) * 4.0 * RECURRENT[s["op"]] * dims[1] * dims[3] ** 2
    total = sum(k["us"] for k in kinds.values()) or 1
    lost = sum(max(k["us"] - k["least"], 0) for k in kinds.values()) or 1
    out = []
    for name, k in sorted(kinds.items(), key=lambda x: x[1]["least"] - x[1]["us"]):
        of = f"{100 * k['us'] / total:.0f} % of the time at {100 * k['least'] / k['us']:.0f} % of the limit" if k["us"] else ""
        if name == "short":
            text = f"{k['n']} steps below 3 us, {of}: starting a step and finishing its rows"
        elif name in RECURRENT:
            text = f"{k['n']} {name}, {of}" + ": steps wait for each other" * k["wait"]
            if k["again"]:
                text += (f", and weights that the limit counts once are read in every step: {k['again'] * 1e-6:.1f} MB more, "
                         f"{k['again'] / rates['bandwidth'] * 1e-6:.3f} ms at {rates['bandwidth']:.0f} GB/s")
        else:
            text = f"{k['n']} {name}, {of}"
        out.append((max(k["us"] - k["least"], 0) / lost, text))
    return out


def limits(rows):
    """The limit of each model: the larger of its arithmetic and its bytes at the best rates measured during the whole run. Where
    hone takes more than twice as long, what explains nine tenths of the rest."""
    names = {"f32": "peak_gflops", "int8": "peak_gops", "bandwidth": "bandwidth_gbs"}
    rates = {k: max((r[p] for r in rows if p in r), default=0) for k, p in names.items()}
    for r in rows:
        if "flops_of" not in r or not all(rates.values()):
            continue
        inside = {s["op"]: s["us"] for s in r["steps"] if s["op"] in ("If", "Loop", "Scan") and not s["flops"]}
        if sum(inside.values()) > sum(s["us"] for s in r["steps"]) / 2:
            r["over_limit"] = [f"no limit, as the work is inside {' and '.join(inside)} and not counted"]
            continue
        r["arithmetic_ms"] = sum(r["flops_of"][k] / rates[k] * 1e-6 for k in ("f32", "int8"))
        r["bytes_ms"] = r["bytes"] / rates["bandwidth"] * 1e-6
        r["limit_ms"] = max(r["arithmetic_ms"], r["bytes_ms"])
        r["of_limit"] = r["limit_ms"] / r["hone"]["min_ms"] if "hone" in r else None
        if r["of_limit"] is not None and r["of_limit"] < 0.5:
            why, told = [], 0.0
            for share, text in over_limit(r["steps"], rates):
                if told < 0.9:
                    why.append(text)
                told += share
            r["over_limit"] = why
    return rates


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def machine(o):
    cpu = ""
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    root = pathlib.Path(__file__).resolve().parents[2]
    git = lambda *a: subprocess.run(["git", "-C", str(root), *a], capture_output=True, text=True).stdout.strip()
    import onnxruntime
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "numpy": np.__version__}
    if o.openvino:
        import openvino
        versions["openvino"] = openvino.__version__
    flags = open("/proc/cpuinfo").read().split("flags", 1)[-1].split("\n", 1)[0]
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "cpu": cpu,
            "cores": os.cpu_count(), "isa": [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if f in flags.split()],
            "kernel": os.uname().release, "load": os.getloadavg(), "commit": git("rev-parse", "--short", "HEAD"),
            "dirty": bool(git("status", "--porcelain")), "versions": versions, "threads": o.threads, "batch": o.batch or "as given",
            "rounds": o.rounds, "slice_ms": o.slice_ms, "pinned": sorted(os.sched_getaffinity(0)), "argv": sys.argv[1:]}


def show(row, o):
    if "error" in row:
        print(f"{row['model']:28} {row['error'][:110]}", flush=True)
        return
    ort = row["onnxruntime"]
    text = (f"{row['model']:28} {row['hone']['median_ms']:9.3f} {ort['median_ms']:9.3f} {ort['ratio']:6.2f} "
            f"[{ort['ratio_quartiles'][0]:5.2f} {ort['ratio_quartiles'][1]:5.2f}] {ort['ratio_of_minima']:6.2f}")
    if o.openvino:
        text += f" {row['openvino']['median_ms']:9.3f} {row['openvino']['ratio']:6.2f}" if "openvino" in row else f" {'-':>9} {'-':>6}"
        text += f" {row.get('faster_peer', ort)['ratio']:6.2f}"
    stored = row.get("against_data_set", {"same": True})["same"]
    verdict = "NO" if not row["correct"] else "yes" if stored else "ORT"
    text += f" {verdict:>4} {row['against_onnxruntime']['max_diff']:8.1e}"
    print(text, flush=True)
    steps = sorted(row.get("steps", []), key=lambda s: -s["us"])
    for s in steps[:o.profile]:
        total = sum(x["us"] for x in steps) or 1
        print(f"      {s['us']:9.1f} us {100 * s['us'] / total:5.1f} %  {s['op']:22} {s['driver']:14} {s['percent_of_peak']:5.1f} % of "
              f"{s['bound']:7} {s['shape']} {s['name'][:40]} {s['reason'][:80] if s['driver'] == 'reference' else ''}")


def main():
    o = arguments()
    if o.threads == 1:  # one core for everybody, the last one: interrupts tend to land on the first
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    record = {"kind": "peers", **machine(o)}
    library = engines.Library(os.path.join(o.build, "libhone.so"), o.threads, o.isa)
    record["hone"] = library.lib.hone_version().decode()
    print(f"{record['cpu']}, {o.threads} thread{'s' * (o.threads > 1)}, hone {record['commit']}, ONNX Runtime "
          f"{record['versions']['onnxruntime']}{', OpenVINO ' + record['versions']['openvino'] if o.openvino else ''}; ms, medians of "
          f"{o.rounds} interleaved rounds; ratio above 1: hone is faster")
    print(f"{'model':28} {'hone':>9} {'ORT':>9} {'ratio':>6} {'[quartiles]':13} {'minima':>6}"
          + (f" {'OpenVINO':>9} {'ratio':>6} {'best':>6}" if o.openvino else "") + f" {'same':>4} {'diff':>8}")
    rows = record["models"] = []
    for name, path in cases(o):
        try:
            row = measure(name, path, library, o)
        except Exception as e:
            row = {"model": name, "error": str(e).split("\n")[0][:300]}
        rows.append(row)
        show(row, o)
    record["peaks"] = limits(rows)
    done = [r for r in rows if "error" not in r]
    print()
    for r in done:  # where one peer fails, the other is the faster
        if o.openvino and "faster_peer" not in r:
            r["faster_peer"] = {k: r["onnxruntime"][k] for k in ("ratio", "ratio_quartiles")}
    for kind, title in (("fp32", "FP32"), ("qdq", "quantised (QDQ)")):
        for peer, of in (("onnxruntime", "ONNX Runtime"), ("openvino", "OpenVINO"), ("faster_peer", "the faster peer")):
            have = [r for r in done if r["kind"] == kind and peer in r]
            if have:
                record[f"geomean_{kind}_{peer}"] = g = geomean([r[peer]["ratio"] for r in have])
                behind = sorted((r[peer]["ratio"], r["model"]) for r in have if r[peer]["ratio"] < 1)
                record[f"behind_{kind}_{peer}"] = behind
                print(f"{title} models, geometric mean of {of} / hone over {len(have)}: {g:.3f}"
                      + (f"; behind on {len(behind)}: " + " ".join(f"{n} {x:.2f}" for x, n in behind) if behind else ""))
    if any(record["peaks"].values()):
        print(f"measured peak {record['peaks']['f32']:.0f} GFLOP/s, {record['peaks']['int8']:.0f} Gop/s, "
              f"{record['peaks']['bandwidth']:.0f} GB/s; share of the limit that hone's best run reaches:")
        print("  " + "  ".join(f"{r['model']} {100 * r['of_limit']:.0f} %" for r in done if r.get("of_limit")))
    for r in done:
        if "over_limit" in r:
            print(f"{r['model']}: " + "; ".join(r["over_limit"]))
    for r in done:
        if "saturates" in r:
            off, as_it_comes = r["saturates"], r["saturating"]
            print(f"{r['model']}: ONNX Runtime is set to exact 8-bit sums; as it comes it misses the data set's outputs by "
                  f"{off['max_diff']:.1e} ({100 * off['same_row_maxima']:.0f} % equal row maxima) in "
                  f"{as_it_comes['median_ms']:.3f} ms, {as_it_comes['ratio']:.2f} times hone's")
    wrong = [r["model"] for r in rows if "error" in r or not r["correct"]]
    if wrong:
        print("failed or different:", " ".join(wrong))
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(record, indent=1, default=float) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
