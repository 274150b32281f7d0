"""page: docs/performance.md from the records that the scripts of this folder wrote.

usage: page.py RECORD.json... >docs/performance.md"""
import json
import sys

ALIGN = "--:"


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "| --- " + f"| {ALIGN} " * (len(heads) - 1) + "|"]
                     + ["| " + " | ".join(r) + " |" for r in rows])


def ms(x):
    return f"{x:.3f}" if x < 10 else f"{x:.1f}"


def title(record):
    batch = "first data set of each model" if record["batch"] == "as given" else f"batch {record['batch']}"
    return f"{record['threads']} thread{'s' * (record['threads'] > 1)}, {batch}"


def models(record):
    vino = any("openvino" in m for m in record["models"])
    names = record["versions"]
    peers = f"ONNX Runtime {names['onnxruntime']}" + (f" and OpenVINO {names['openvino']}" if vino else "")
    out = [f"## {title(record)}", "",
           f"{record['cpu']} ({', '.join(record['isa'])}), measured peak {record['peaks']['f32']:.0f} GFLOP/s FP32 and "
           f"{record['peaks']['int8']:.0f} Gop/s INT8 a core; {peers}; hone {record['commit']}; medians of {record['rounds']} "
           "interleaved rounds in one process. A ratio above 1 means that hone is faster. The limit is the larger of two: the arithmetic "
           f"of the direct algorithm at the measured peak, and the bytes that the steps read and write at {record['peaks']['bandwidth']:.0f} "
           "GB/s, the best rate of reading measured; its share can pass 100 % where an algorithm needs fewer multiplications.", ""]
    for kind, name in (("fp32", "FP32"), ("qdq", "Quantised (QDQ)")):
        rows = []
        for m in record["models"]:
            if "error" in m or m["kind"] != kind:
                continue
            ort = m["onnxruntime"]
            row = [m["model"], ms(m["hone"]["median_ms"]), ms(ort["median_ms"])]
            if vino:
                row.append(ms(m["openvino"]["median_ms"]) if "openvino" in m else "fails")
            row.append(f"{ort['ratio']:.2f}")
            if vino:
                row.append(f"{m['faster_peer']['ratio']:.2f}")
            row += [ms(m["limit_ms"]), f"{100 * m['of_limit']:.0f} %"] if m.get("of_limit") else ["", ""]
            rows.append(row)
        if not rows:
            continue
        means = [f"{who} {record[key]:.2f}" for who, key in (("ONNX Runtime", f"geomean_{kind}_onnxruntime"),
                                                            ("OpenVINO", f"geomean_{kind}_openvino"),
                                                            ("the faster of both", f"geomean_{kind}_faster_peer")) if key in record]
        heads = ["model", "hone ms", "ORT ms"] + ["OpenVINO ms"] * vino + ["to ORT"] + ["to the faster"] * vino + ["limit ms", "share"]
        out += [f"### {name}", "", table(heads, rows), "", f"Geometric mean over {len(rows)} models against {', '.join(means)}.", ""]
        wrong = [m for m in record["models"] if "saturates" in m and m["kind"] == kind]
        if wrong:
            told = [f"{m['model']} {ms(m['saturating']['median_ms'])} ms ({m['saturating']['ratio']:.2f} times hone's; "
                    f"{100 * m['saturates']['same_row_maxima']:.0f} % of the answers right)" for m in wrong]
            out += ["ONNX Runtime's 8-bit sums saturate at 16 bits on this CPU. Where its answers are wrong for it, it is set to exact "
                    f"sums (`session.x64quantprecision`) above; as it comes it takes: {', '.join(told)}.", ""]
    share = lambda m: f", {100 * m['of_limit']:.0f} %" if m.get("of_limit") else ""
    over = [f"- {m['model']}{share(m)}: {'; '.join(m['over_limit'])}." for m in record["models"] if "over_limit" in m]
    if over:
        out += ["### More than twice the limit", "", "Where the time goes that the limit does not explain:", "", *over, ""]
    return out


def products(record):
    rows = [[f"{p['type']} {p['name']}", f"{p['m']} x {p['n']} x {p['k']}", f"{p['hone_us']:.1f}" if p["hone_us"] else "-",
             f"{p['onednn_us']:.1f}" if p["onednn_us"] else "-", f"{p['ratio']:.2f}" if p["ratio"] else "-"] for p in record["products"]]
    return ["## Matrix products, 1 thread", "",
            f"{record['cpu']}; oneDNN {record['onednn']}, B packed beforehand by both; medians of interleaved rounds.", "",
            table(["product", "M x N x K", "hone us", "oneDNN us", "ratio"], rows), ""]


def optimized(record):
    rows = []
    for m in record["models"]:
        cell = lambda n: ms(m[n]["median_ms"]) if n in m else "fails"
        rows.append([m["model"], cell("hone"), cell("hone_fp32"), cell("ort_fp32"), cell("ort_qdq"), cell("openvino_qdq"),
                     f"{m['ort_fp32']['ratio']:.2f}", f"{m['faster_qdq']:.2f}"])
    heads = ["model", "hone INT8 ms", "hone FP32 ms", "ORT FP32 ms", "ORT QDQ ms", "OpenVINO QDQ ms", "to ORT FP32", "to the faster on QDQ"]
    return [f"## Models optimised by hone, {title(record)}", "",
            "What `hone optimize` wrote, against the FP32 model and against the same QDQ file in the peers.", "", table(heads, rows), "",
            f"Geometric means: {record['geomean_ort_fp32']:.2f} against ONNX Runtime on FP32, {record['geomean_faster_qdq']:.2f} "
            "against the faster peer on the same file.", ""]


def startup(record):
    rows = [[m["model"], f"{m['hone_ms']['min']:.2f}", f"{m['idle_ms']:.2f}", f"{m['ort_ms']['min']:.1f}", f"{m['ratio_of_minima']:.1f}",
             f"{m['hone_peak_kib'] / 1024:.1f}", f"{m['ort_peak_kib'] / 1024:.1f}"] for m in record["models"]]
    heads = ["model", "hone ms", "idle ms", "ORT ms", "ratio", "hone MiB", "ORT MiB"]
    return [f"## From nothing to the first answer, {record['threads']} thread{'s' * (record['threads'] > 1)}", "",
            "hone: from posix_spawn to what `hone run` on a saved plan prints; ONNX Runtime: session and first run, imports not counted. Minima. "
            "Idle: a hone process that does nothing. Memory: the peak; ONNX Runtime's without Python, numpy and inputs.", "",
            table(heads, rows), ""]


def main():
    out = ["# Performance", "", "Generated from the records of the commands below; run them to have these figures for your own machine.", "",
           "    bench/peers/run --openvino --json build/peers.json",
           "    bench/peers/run --openvino --threads 2 --json build/peers-2.json",
           "    bench/peers/gemm build/gemm.json",
           "    bench/figures optimize && bench/peers/optimized out/figures/*/ --json build/optimized.json",
           "    bench/peers/startup --json build/startup.json",
           "    python3 bench/peers/page.py build/peers.json build/peers-2.json \\",
           "        build/optimized.json build/gemm.json build/startup.json >docs/performance.md", "",
           "[performance.md](performance.md) is of a core with AVX-512 and VNNI, [performance-avx2.md](performance-avx2.md) of one without.", ""]
    for path in sys.argv[1:]:
        with open(path) as f:
            record = json.load(f)
        out += {"peers": models, "gemm": products, "optimized": optimized, "startup": startup}[record["kind"]](record)
    print("\n".join(out).rstrip())


if __name__ == "__main__":
    main()
