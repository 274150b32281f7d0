"""engines: hone (through ctypes), ONNX Runtime and OpenVINO behind one shape: an engine is opened for a model and its
inputs; call() is one run without copies in or out that could be avoided; outputs() copies the last results."""
import ctypes as C
import os

import numpy as np

ONNX_OF = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
           "float16": 10, "float64": 11, "uint32": 12, "uint64": 13}
NUMPY_OF = {v: k for k, v in ONNX_OF.items()}


class Tensor(C.Structure):
    _fields_ = [("dtype", C.c_int), ("rank", C.c_int), ("dims", C.c_int64 * 8), ("data", C.c_void_p), ("bytes", C.c_size_t)]


class EnvOptions(C.Structure):
    _fields_ = [("threads", C.c_size_t), ("isa", C.c_char_p), ("seed", C.c_uint64), ("log", C.c_void_p),
                ("progress", C.c_void_p), ("self", C.c_void_p), ("max_work", C.c_double),
                ("later", C.c_char * 256)]  # zeros for what the header may gain: zero means default there


class Library:
    """libhone and one environment."""

    def __init__(self, path, threads, isa=None):
        lib = self.lib = C.CDLL(path)
        lib.hone_env_message.restype = lib.hone_version.restype = C.c_char_p
        lib.hone_env_message.argtypes = [C.c_void_p]
        lib.hone_env_new.argtypes = [C.c_void_p, C.c_void_p]
        lib.hone_session_open.argtypes = [C.c_void_p, C.c_char_p, C.c_void_p]
        lib.hone_session_close.argtypes = lib.hone_session_run.argtypes = None
        for name in ("inputs", "outputs"):
            f = getattr(lib, "hone_session_" + name)
            f.restype, f.argtypes = C.c_size_t, [C.c_void_p]
        for name in ("input_name", "output_name"):
            f = getattr(lib, "hone_session_" + name)
            f.restype, f.argtypes = C.c_char_p, [C.c_void_p, C.c_size_t]
        options = EnvOptions(threads=threads, isa=isa.encode() if isa else None)
        self.env = C.c_void_p()
        self.check(lib.hone_env_new(C.byref(options), C.byref(self.env)))

    def check(self, status):
        if status:
            message = self.lib.hone_env_message(self.env).decode() if self.env else "no environment"
            raise RuntimeError("hone: " + message.replace("\n", "; "))


class Hone:
    name = "hone"

    def __init__(self, library, path, inputs):
        self.l = library
        lib = library.lib
        self.session = C.c_void_p()
        library.check(lib.hone_session_open(library.env, os.fsencode(path), C.byref(self.session)))
        names = [lib.hone_session_input_name(self.session, i).decode() for i in range(lib.hone_session_inputs(self.session))]
        self.nout = lib.hone_session_outputs(self.session)
        self.output_names = [lib.hone_session_output_name(self.session, i).decode() for i in range(self.nout)]
        self.arrays = [np.array(inputs[n] if isinstance(inputs, dict) else inputs[i], order="C") for i, n in enumerate(names)]
        self.tin = (Tensor * max(len(names), 1))()
        for t, a in zip(self.tin, self.arrays):
            t.dtype, t.rank, t.data, t.bytes = ONNX_OF[a.dtype.name], a.ndim, a.ctypes.data, a.nbytes
            for d, v in enumerate(a.shape):
                t.dims[d] = v
        self.tout = (Tensor * max(self.nout, 1))()
        run, args = lib.hone_session_run, (library.env, self.session, C.byref(self.tin), C.byref(self.tout))
        library.check(run(*args))
        self.call = lambda: run(*args)

    def feed(self, arrays):
        for a, b in zip(self.arrays, arrays):
            np.copyto(a, b)

    def outputs(self):
        out = []
        for t in self.tout[:self.nout]:
            raw = C.string_at(t.data, t.bytes) if t.bytes else b""
            out.append(np.frombuffer(raw, NUMPY_OF[t.dtype]).reshape(t.dims[:t.rank]).copy())
        return out

    def close(self):
        self.l.lib.hone_session_close(self.l.env, self.session)


class OnnxRuntime:
    """Every graph optimisation, sequential, T threads in one operator, tensors bound so that nothing is copied, and the
    free dimensions fixed to those at hand. exact: 8-bit sums do not saturate on CPUs without VNNI."""
    name = "onnxruntime"

    def __init__(self, path, inputs, threads, optimise=True, fixed=None, exact=False):
        import onnxruntime as ort
        self.path, self.threads = path, threads
        so = ort.SessionOptions()
        so.log_severity_level = 3
        level = ort.GraphOptimizationLevel
        so.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
        so.intra_op_num_threads, so.inter_op_num_threads = threads, 1
        so.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        if exact:
            so.add_session_config_entry("session.x64quantprecision", "1")
        for dim, size in (fixed or {}).items():
            so.add_free_dimension_override_by_name(dim, size)
        self.s = ort.InferenceSession(path, so, providers=["CPUExecutionProvider"])
        names = [i.name for i in self.s.get_inputs()]
        self.output_names = [o.name for o in self.s.get_outputs()]
        self.arrays = [np.array(inputs[n] if isinstance(inputs, dict) else inputs[i], order="C") for i, n in enumerate(names)]
        self.values = [ort.OrtValue.ortvalue_from_numpy(a) for a in self.arrays]
        self.binding = self.s.io_binding()
        for n, v in zip(names, self.values):
            self.binding.bind_ortvalue_input(n, v)
        for n in self.output_names:
            self.binding.bind_output(n, "cpu")
        self.s.run_with_iobinding(self.binding)
        self.out = self.binding.get_outputs()
        for n, v in zip(self.output_names, self.out):
            self.binding.bind_ortvalue_output(n, v)
        run, inner = self.s._sess.run_with_iobinding, self.binding._iobinding
        self.call = lambda: run(inner, None)

    def feed(self, arrays):
        for v, a in zip(self.values, arrays):
            v.update_inplace(np.asarray(a, order="C"))

    def outputs(self):
        return [v.numpy().copy() for v in self.out]

    def close(self):
        self.binding = self.s = self.out = self.values = self.call = None


class OpenVino:
    """Latency hint, T threads, float32 arithmetic, static shapes, tensors bound."""
    name = "openvino"

    def __init__(self, path, inputs, threads, exact=True):
        import openvino as ov
        core = ov.Core()
        model = core.read_model(path)
        shapes = {}
        for i, p in enumerate(model.inputs):
            shapes[p] = list((inputs[p.get_any_name()] if isinstance(inputs, dict) else inputs[i]).shape)
        model.reshape(shapes)
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                  "ENABLE_CPU_PINNING": False}
        if exact:
            config["INFERENCE_PRECISION_HINT"] = "f32"
        self.compiled = core.compile_model(model, "CPU", config)
        self.r = self.compiled.create_infer_request()
        self.arrays, self.tensors = [], []
        for i, p in enumerate(self.compiled.inputs):
            a = np.array(inputs[p.get_any_name()] if isinstance(inputs, dict) else inputs[i], order="C")
            self.arrays.append(a)
            self.tensors.append(ov.Tensor(a, shared_memory=True))
            self.r.set_input_tensor(i, self.tensors[-1])
        request, infer = self.r, super(type(self.r), self.r).infer
        infer({}, share_outputs=True, decode_strings=False)
        self.call = lambda: infer({}, share_outputs=True, decode_strings=False)
        self.request = request

    def outputs(self):
        return [np.array(self.r.get_output_tensor(i).data) for i in range(len(self.compiled.outputs))]

    def close(self):
        self.call = self.r = self.request = self.compiled = self.tensors = None
