"""A small stand-in for cm1.exe, which ends as CM1 does: `python fake_cm1.py` in a run directory. Standard library only.

Three of the user's variables steer it: var18 is the time that each output takes [s], var19 the output at which it is killed
(0: never), var20 what its last file is like then (0 good, 1 without a time record, 2 cut short).
"""

import array
import fcntl
import math
import os
import re
import signal
import struct
import sys
import time
from pathlib import Path

TABLE = "p3_lookupTable_1.dat-v5.4_2momI"
NAMELIST = """
 &param0
 nx           =      6,
 ny           =      1,
 nz           =      5,
 outunits     =       1,   ! 1 = km
 /

 &param1
 dx     =  100.0,
 dtl    =   5.0,
 timax  =  1200.0,
 run_time =  -999.9,
 tapfrq =   300.0,
 rstfrq = -3600.0,
 /

 &param2
 iconly    =  0,
 ptype     =  50,
 isnd      =  7,
 /

 &param6
 stretch_z =  4,
 ztop      = 14000.0,
 /

 &param8
 var1      =   1.0,
 var2      =   100.0,
 var18     =   0.0,
 var19     =   0.0,
 var20     =   0.0,
 /

 &param9
 output_format    = 2,
 output_filetype  = 1,
 output_q         = 1,
 /

 &param19
 do_lsnudge         =    .true.,
 /
"""
#: Height [m], potential temperature [K], vapour [g/kg], winds [m/s].
SOUNDING = "980.0 288.0 5.0\n7000.0 315.0 0.3 1.0 0.0\n10000.0 325.0 0.1 4.0 0.0\n16000.0 400.0 0.0 8.0 0.0\n"


def setup(folder):
    """Fill a folder with all that a good run reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "namelist.input").write_text(NAMELIST)
    (folder / "input_sounding").write_text(SOUNDING)
    (folder / "input_grid_z").write_text("0 14000\n")
    (folder / "lsnudge_0001.dat").write_text("nudge\n")
    (folder / TABLE).write_text("v5.4\n")
    return folder


def write_classic(path, sizes, variables, records):
    """A classic netCDF file of floats. `sizes`: dimension -> length, time being the record; `variables`: name -> (dims, units,
    big-endian bytes)."""
    names = list(sizes)

    def text(word):
        return struct.pack(">i", len(word)) + word.encode() + b"\0" * (-len(word) % 4)

    def entry(name, begin):
        dims, units, _ = variables[name]
        head = text(name) + struct.pack(">i", len(dims)) + b"".join(struct.pack(">i", names.index(dim)) for dim in dims)
        attribute = struct.pack(">ii", 12, 1) + text("units") + struct.pack(">i", 2) + text(units)
        return head + attribute + struct.pack(">iii", 5, chunk(dims), begin)

    def chunk(dims):
        return 4 * math.prod(sizes[dim] for dim in dims if dim != "time")

    head = b"CDF\x01" + struct.pack(">i", records) + struct.pack(">ii", 10, len(names))
    head += b"".join(text(name) + struct.pack(">i", 0 if name == "time" else sizes[name]) for name in names)
    head += struct.pack(">ii", 0, 0) + struct.pack(">ii", 11, len(variables))
    fixed = [name for name in variables if "time" not in variables[name][0]]
    recorded = [name for name in variables if name not in fixed]
    begin, begins = len(head) + sum(len(entry(name, 0)) for name in variables), {}
    for name in fixed + recorded:
        begins[name] = begin
        begin += chunk(variables[name][0])
    body = b"".join(entry(name, begins[name]) for name in variables) + b"".join(variables[name][2] for name in fixed)
    for record in range(records):
        for name in recorded:
            step = chunk(variables[name][0])
            body += variables[name][2][record * step : (record + 1) * step]
    Path(path).write_bytes(head + body)


def floats(values):
    big = array.array("f", values)
    big.byteswap()
    return big.tobytes()


def output(times, settings, broken):
    """Variables of an output file: ice that grows with var1, or none and NaN in the air where the run is `broken`."""
    nx, ny, nz = (int(settings["param0"][name]) for name in ("nx", "ny", "nz"))
    unit, scale = ("km", 1e-3) if settings["param0"].get("outunits", 1) == 1 else ("meters", 1.0)
    sizes = {"xh": nx, "yh": ny, "zh": nz, "time": len(times)}
    variables = {
        name: ((name,), unit, floats([scale * (100.0 * k + 50) for k in range(sizes[name])])) for name in ("xh", "yh", "zh")
    }
    variables["time"] = (("time",), "seconds", floats(times))
    cells = nx * ny * nz

    def field(value):
        return ("time", "zh", "yh", "xh"), "", floats([value(t, cell) for t in times for cell in range(cells)])

    def ice(amount):
        return field(lambda t, cell: 0.0 if t == 0 or broken else amount * (1 + cell / cells))

    variables["th"] = field(lambda t, cell: math.nan if broken and t > 0 else 300.0 + cell)
    if settings["param2"].get("ptype", 0) == 50 and settings["param9"].get("output_q", 0) == 1:
        amount = 1e-5 * settings["param8"]["var1"]
        variables |= {"qi": ice(amount), "qni": ice(1e10 * amount), "p3_vmi": ice(0.5), "p3_rhopo": ice(600.0)}
    return sizes, variables, len(times)


def stop(line, code=0, stream=sys.stdout):
    print(line, file=stream)
    sys.exit(code)


def read_namelist():
    """Group -> key -> value."""
    try:
        text = Path("namelist.input").read_text()
    except FileNotFoundError:
        stop("  8778: error opening namelist.input")
    known = set(re.findall(r"(\w+)\s*=", NAMELIST))
    settings = {group: {} for group in re.findall(r"&(\w+)", NAMELIST)}
    for group, body in re.findall(r"&(\w+)(.*?)^\s*/", text, re.DOTALL | re.MULTILINE):
        for key, value in re.findall(r"^\s*(\w+)\s*=\s*([^,\s]+)", body, re.MULTILINE):
            number = {".true.": 1.0, ".false.": 0.0}.get(value, value)
            if key not in known or not re.fullmatch(r"[-+.\deE]+", str(number)):
                stop(f"Fortran runtime error: Cannot match namelist object name {key}", 2, sys.stderr)
            settings.setdefault(group, {})[key] = float(number)
    return settings


def check_namelist(settings):
    if settings["param2"].get("ptype", 0) not in (0, 50):
        stop("  Unrecognized value for ptype")
    if settings["param9"].get("output_format", 0) not in (1, 2):
        stop("  only output_format = 1,2 are currently supported")
    if settings["param1"]["dtl"] > 30:
        stop("  Time step (dtl) needs to be smaller")


def check_files(settings):
    """Stop as CM1 does if a file is missing or wrong; else the sounding's rows."""
    if not Path("input_sounding").exists():
        stop("  9009: error opening input_sounding")
    try:
        rows = [[float(word) for word in line.split()] for line in Path("input_sounding").read_text().splitlines()[1:]]
    except ValueError:
        stop("  9008: error reading input_sounding")
    if rows[-1][0] < settings["param6"]["ztop"]:
        stop("  zmax of sounding < zmax of grid!")
    if settings["param2"].get("ptype") == 50:
        if not Path(TABLE).exists():
            stop(f"Fortran runtime error: Cannot open file './{TABLE}': No such file or directory", 2, sys.stderr)
        if Path(TABLE).read_text() != "v5.4\n":
            stop("  Stopping in P3 init")
    if settings["param6"]["stretch_z"] == 4 and not Path("input_grid_z").exists():
        stop("  9011: error opening input_grid_z file")
    if settings["param19"]["do_lsnudge"] and not Path("lsnudge_0001.dat").exists():
        stop("  Did not find any lsnudge files")
    return rows


def append(times, settings, broken):
    """Write the output of the last of `times`: into the one file, or into a new one."""
    if settings["param9"]["output_filetype"] == 2:
        write_classic(f"cm1out_{len(times):06}.nc", *output(times[-1:], settings, broken))
        return
    if len(times) > 1:
        with open("cm1out.nc", "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.truncate(0)
                stop("  NetCDF: Permission denied")
    write_classic("cm1out.nc", *output(times, settings, broken))


def be_killed(times, settings):
    """Die in the middle of the output after `times`."""
    state = settings["param8"]["var20"]
    last = Path("cm1out.nc" if settings["param9"]["output_filetype"] == 1 else f"cm1out_{len(times):06}.nc")
    if state == 1:
        write_classic(last, *output([], settings, False))
    if state == 2:
        last.write_bytes(last.read_bytes()[:-100])
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def run():
    if "FAKE_CM1_LOG" in os.environ:
        with open(os.environ["FAKE_CM1_LOG"], "a") as log:
            log.write(Path.cwd().name.split(".")[0] + "\n")
    settings = read_namelist()
    check_namelist(settings)
    rows = check_files(settings)
    if settings["param2"].get("iconly"):
        stop("STOP 55555", 3, sys.stderr)
    if settings["param1"]["rstfrq"] == 0:
        stop("STOP 55556", 4, sys.stderr)
    broken = any(math.isnan(value) for row in rows for value in row)
    times = []
    for number in range(int(settings["param1"]["timax"] / settings["param1"]["tapfrq"]) + 1):
        time.sleep(settings["param8"].get("var18", 0.0))
        times.append(number * settings["param1"]["tapfrq"])
        append(times, settings, broken)
        if any(abs(value) > 200 for row in rows for value in row[3:]):
            stop("  Courant number has exceeded 1.5")
        if len(times) == settings["param8"].get("var19", 0):
            be_killed(times, settings)
    print("Note: The following floating-point exceptions are signalling: IEEE_UNDERFLOW_FLAG", file=sys.stderr)
    print("\n Program terminated normally")


if __name__ == "__main__":
    run()
