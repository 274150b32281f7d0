"""qdq_check: runs a quantised ONNX model with hone's integer kernels and with ONNX Runtime, optimised and as written, on
the same pre-processed bytes of a data set, and prints how often the top answers agree.

The folder is what `hone optimize` wrote: model.onnx (QDQ) and model.hone (the plan); its report.json names the data and
the pre-processing when the options do not."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import engines


def main():
    p = argparse.ArgumentParser(prog="bench/peers/qdq_check", description=__doc__.split("\n\n")[0])
    p.add_argument("folder", help="output folder of hone optimize")
    p.add_argument("--data", help="data set; default: the report's")
    p.add_argument("--preprocess", help="default: the report's, else none")
    p.add_argument("--label-offset", type=int, help="default: the report's, else 0")
    p.add_argument("--limit", type=int, default=0, help="so many samples; 0: all")
    p.add_argument("--json", help="write the record there")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    o = p.parse_args()
    folder = pathlib.Path(o.folder)
    report = json.loads((folder / "report.json").read_text()) if (folder / "report.json").exists() else {}
    data = o.data or report.get("data", {}).get("path")
    if not data:
        p.error("no --data given and no report.json that names one")
    pre = o.preprocess or report.get("data", {}).get("preprocess") or "none"
    offset = o.label_offset if o.label_offset is not None else report.get("data", {}).get("label_offset", 0)
    library = engines.Library(str(pathlib.Path(o.build) / "libhone.so"), 1)
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([str(pathlib.Path(o.build) / "bench" / "dump_inputs"), data, pre, str(offset), str(o.limit), tmp],
                       check=True)
        labels = np.loadtxt(tmp + "/labels.txt", dtype=np.int64, ndmin=1)
        x = np.load(tmp + "/0.npy")
        qdq = str(folder / "model.onnx")
        runs = {"hone, QDQ file": engines.Hone(library, qdq, [x])}
        if (folder / "model.hone").exists():
            runs["hone, plan"] = engines.Hone(library, str(folder / "model.hone"), [x])
        runs["ORT, optimised"] = engines.OnnxRuntime(qdq, [x], 1)
        runs["ORT, as written"] = engines.OnnxRuntime(qdq, [x], 1, optimise=False)
        top = {k: [] for k in runs}
        diff = {k: 0.0 for k in runs}
        for i in range(len(labels)):
            x = np.load(f"{tmp}/{i}.npy")
            base = None
            for k, r in runs.items():
                r.feed([x])
                if r.call():
                    library.check(1)
                y = r.outputs()[0].reshape(-1)
                base = y if base is None else base
                diff[k] = max(diff[k], float(np.abs(y - base).max()))
                top[k].append(int(y.argmax()))
    bar = 0.99
    record = {"folder": str(folder), "data": data, "preprocess": pre, "n": len(labels), "runs": []}
    first = np.array(top["hone, QDQ file"])
    print(f"{folder}: {len(labels)} samples of {data}, pre-processing {pre}")
    for k in runs:
        t = np.array(top[k])
        row = {"run": k, "top1": float((t == labels).mean()), "agreement": float((t == first).mean()), "max_diff": diff[k]}
        record["runs"].append(row)
        print(f"  {k:18} top-1 {100 * row['top1']:6.2f} %   agrees with hone's QDQ run {100 * row['agreement']:6.2f} %   "
              f"largest difference {row['max_diff']:.3g}")
    # As written, every QuantizeLinear pair runs in float: shown, but nobody deploys that.
    worst = min(r["agreement"] for r in record["runs"] if r["run"] != "ORT, as written")
    print(f"{'reached ' if worst >= bar else 'short   '} same top-1 class in {100 * worst:.2f} % of {len(labels)} (bar {100 * bar:.0f} %)")
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(record, indent=1) + "\n")
    return 0 if worst >= bar else 2


if __name__ == "__main__":
    sys.exit(main())
