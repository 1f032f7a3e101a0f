"""Files of CM1 with made fields, written in every container without the reader's own libraries where it can be."""

import math
import struct

import h5py
import numpy as np

#: Type of NumPy -> number of the type in the classic formats, of which the first six are in CDF-1 and CDF-2.
TYPES = {"i1": 1, "S1": 2, "i2": 3, "i4": 4, "f4": 5, "f8": 6, "u1": 7, "u2": 8, "u4": 9, "i8": 10, "u8": 11}
CONTAINERS = ("CDF-1", "CDF-2", "CDF-5", "netCDF-4")


def write(path, container, sizes, variables, attributes=None, order=">", unlimited=("time",)):
    """A file of `container`. `sizes`: dimension -> length; `variables`: name -> (dimensions, values, attributes).

    `order` is the byte order in netCDF-4; the classic formats have only one. A dimension of `unlimited` grows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if container == "netCDF-4":
        _write_hdf5(path, sizes, variables, attributes or {}, order, unlimited)
    else:
        path.write_bytes(classic(int(container[-1]), sizes, variables, attributes or {}, unlimited))
    return path


def classic(version, sizes, variables, attributes, unlimited=("time",)):
    """Bytes of a file in the classic format with this version byte: 1, 2 (64-bit offset) or 5 (64-bit data)."""
    names = list(sizes)
    record = next((name for name in names if name in unlimited), None)

    def count(number):
        return struct.pack(">q" if version == 5 else ">i", number)

    def padded(raw):
        return raw + b"\0" * (-len(raw) % 4)

    def text(word):
        return count(len(word.encode())) + padded(word.encode())

    def listed(tag, items):
        return struct.pack(">i", tag if items else 0) + count(len(items)) + b"".join(items)

    def attribute(name, value):
        if isinstance(value, str):
            return text(name) + struct.pack(">i", 2) + count(len(value.encode())) + padded(value.encode())
        value = np.atleast_1d(value)
        kind = TYPES[value.dtype.str[1:]]
        return (
            text(name)
            + struct.pack(">i", kind)
            + count(value.size)
            + padded(value.astype(value.dtype.newbyteorder(">")).tobytes())
        )

    def is_record(name):
        return variables[name][0][:1] == (record,)

    def nbytes(name):
        dimensions, values, _ = variables[name]
        return math.prod(sizes[one] for one in dimensions if one != record) * np.asarray(values).dtype.itemsize

    only = sum(map(is_record, variables)) == 1

    def step(name):
        return nbytes(name) if is_record(name) and only else nbytes(name) + -nbytes(name) % 4

    def variable(name, begin):
        dimensions, values, own = variables[name]
        head = text(name) + count(len(dimensions)) + b"".join(count(names.index(one)) for one in dimensions)
        head += listed(12, [attribute(*item) for item in own.items()])
        kind = TYPES[np.asarray(values).dtype.str[1:]]
        return head + struct.pack(">i", kind) + count(step(name)) + struct.pack(">i" if version == 1 else ">q", begin)

    def header(begins):
        dimensions = [text(name) + count(0 if name == record else sizes[name]) for name in names]
        head = b"CDF" + bytes([version]) + count(sizes[record] if record else 0) + listed(10, dimensions)
        head += listed(12, [attribute(*item) for item in attributes.items()])
        return head + listed(11, [variable(name, begins.get(name, 0)) for name in variables])

    def raw(name, index=...):  # a slice, since a single number of NumPy has the machine's byte order
        values = np.asarray(variables[name][1])
        return padded(values.astype(values.dtype.newbyteorder(">"))[index].tobytes())[: step(name)]

    begins, begin = {}, len(header({}))
    for name in sorted(variables, key=is_record):
        begins[name] = begin
        begin += step(name)
    body = b"".join(raw(name) for name in variables if not is_record(name))
    for index in range(sizes[record] if record else 0):
        body += b"".join(raw(name, slice(index, index + 1)) for name in variables if is_record(name))
    return header(begins) + body


def _write_hdf5(path, sizes, variables, attributes, order, unlimited):
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, (dimensions, values, own) in variables.items():
            values = np.asarray(values)
            maximum = tuple(None if one in unlimited else sizes[one] for one in dimensions) if dimensions else None
            kind = values.dtype.newbyteorder(order)
            chunks = tuple(max(1, length) for length in values.shape) if dimensions and None in maximum else None
            stored = file.create_dataset(name, values.shape, kind, maxshape=maximum, chunks=chunks)
            stored[...] = values
            stored.attrs.update(own)
        for name in sizes:
            if name not in file:
                file[name] = np.zeros(sizes[name], "f4")
                file[name].make_scale("This is a netCDF dimension but not a netCDF variable")
            elif file[name].shape == (sizes[name],):
                file[name].make_scale(name)
        for name, (dimensions, _, _) in variables.items():
            for place, one in enumerate(dimensions):
                if one != name and file[one].is_scale:
                    file[name].dims[place].attach_scale(file[one])


def output(sizes=None, **changes):
    """Variables of a run with ice that is known: q_i 1e-5 (1 + t) (1 + z + 2 y + 3 x / 10), in indices; and their sizes."""
    sizes = sizes or {"time": 3, "zh": 4, "yh": 2, "xh": 5}
    t, z, y, x = np.meshgrid(*(np.arange(sizes[name]) for name in ("time", "zh", "yh", "xh")), indexing="ij")
    q_i = 1e-5 * (1 + t) * (1 + z + 2 * y + 0.3 * x)
    fields = {"th": (300.0 + 0 * q_i, "K"), "qi": (q_i, "kg/kg"), "qni": (1e10 * q_i, "#/kg")}
    fields |= {"p3_vmi": (0.1 * (1 + z + y), "m/s"), "p3_rhopo": (100.0 * (1 + z + y), "kg/m3")}
    found = {name: ((name,), np.float32(100.0 * np.arange(sizes[name]) + 50), {"units": "m"}) for name in ("xh", "yh", "zh")}
    found["time"] = (("time",), np.float32(300.0 * np.arange(sizes["time"])), {"units": "seconds"})
    found |= {name: (("time", "zh", "yh", "xh"), np.float32(values), {"units": unit}) for name, (values, unit) in fields.items()}
    return found | changes, sizes
