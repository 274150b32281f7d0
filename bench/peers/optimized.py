"""optimized: models that `hone optimize` wrote, interleaved with the FP32 model in hone and in ONNX Runtime and with the
exported QDQ file in ONNX Runtime and OpenVINO. Ratios are peer / hone: above 1, hone is faster."""
import argparse
import json
import os
import pathlib
import sys

import engines
import peers


def arguments():
    p = argparse.ArgumentParser(prog="bench/peers/optimized", description=__doc__.split("\n\n")[0])
    p.add_argument("folders", nargs="+", help="what `hone optimize --out` wrote")
    p.add_argument("--batch", type=int, default=0, help="samples a run, where the first dimension of every input is free")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--slice-ms", type=float, default=30)
    p.add_argument("--json", help="write the record there")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    return p.parse_args()


class Named:
    """An engine under a name of its own, for the table."""

    def __init__(self, name, engine):
        self.name, self.engine, self.call = name, engine, engine.call


def measure(folder, library, o):
    folder = pathlib.Path(folder)
    with open(folder / "report.json") as f:
        source = pathlib.Path(json.load(f)["model"]["path"])
    c = peers.Case(source, o.batch)
    qdq = str(folder / "model.onnx")
    opened = [Named("hone", engines.Hone(library, qdq, c.inputs)), Named("hone_fp32", engines.Hone(library, str(source), c.inputs)),
              Named("ort_fp32", engines.OnnxRuntime(str(source), c.inputs, o.threads, fixed=c.fixed)),
              Named("ort_qdq", engines.OnnxRuntime(qdq, c.inputs, o.threads, fixed=c.fixed))]
    try:
        opened.append(Named("openvino_qdq", engines.OpenVino(qdq, c.inputs, o.threads)))
    except Exception as e:
        print(f"OpenVINO refuses {qdq}: {str(e).splitlines()[0][:120]}")
    row = {"model": source.parent.name, **peers.duel(opened, o)}
    row["faster_qdq"] = min(row[n]["ratio"] for n in ("ort_qdq", "openvino_qdq") if n in row)
    for x in opened:
        x.engine.close()
    return row


def main():
    o = arguments()
    if o.threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    o.openvino = True
    library = engines.Library(os.path.join(o.build, "libhone.so"), o.threads)
    record = {"kind": "optimized", **peers.machine(o), "models": []}
    columns = ["hone_fp32", "ort_fp32", "ort_qdq", "openvino_qdq"]
    print(f"{record['cpu']}, {o.threads} thread{'s' * (o.threads > 1)}, hone {record['commit']}; ms, medians of {o.rounds} interleaved rounds")
    print(f"{'model':24} {'hone':>8} " + " ".join(f"{n:>12}" for n in columns) + f" {'to ORT FP32':>12} {'to best QDQ':>12} {'to own FP32':>12}")
    for folder in o.folders:
        r = measure(folder, library, o)
        record["models"].append(r)
        print(f"{r['model']:24} {r['hone']['median_ms']:8.3f} "
              + " ".join(f"{r[n]['median_ms']:12.3f}" if n in r else f"{'-':>12}" for n in columns)
              + f" {r['ort_fp32']['ratio']:12.2f} {r['faster_qdq']:12.2f} {r['hone_fp32']['ratio']:12.2f}", flush=True)
    rows = record["models"]
    record["geomean_ort_fp32"] = peers.geomean([r["ort_fp32"]["ratio"] for r in rows])
    record["geomean_faster_qdq"] = peers.geomean([r["faster_qdq"] for r in rows])
    slower = [r["model"] for r in rows if r["hone_fp32"]["ratio"] < 1]
    print(f"geometric means over {len(rows)}: {record['geomean_ort_fp32']:.2f} against ONNX Runtime on FP32, "
          f"{record['geomean_faster_qdq']:.2f} against the faster peer on the same QDQ file; slower than hone's own FP32: "
          + (", ".join(slower) or "none"))
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(record, indent=1, default=float) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
